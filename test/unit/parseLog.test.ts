import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OrderEvent } from '../../src/domain/orderEvent.ts';
import { ORDER_FILLED_V1, ORDER_FILLED_V2, parseExchangeLog } from '../../src/domain/parseLog.ts';
import { toTrade } from '../../src/domain/trade.ts';
import {
  EXCHANGE_V1,
  EXCHANGE_V3,
  exampleLogV1,
  exampleLogV2,
  PLACE,
  TOPIC_V1,
  TOPIC_V2,
  word,
} from '../support/exampleLogs.ts';
import {
  lacksRecordedData,
  readRecorded,
  recordedFile,
  recordedPair,
  type DataApiTrade,
} from '../support/recordedData.ts';

type Json = Record<string, unknown>;

const V1: Json = { ...exampleLogV1() };
const V2: Json = { ...exampleLogV2() };

function parsed(record: unknown): OrderEvent {
  const result = parseExchangeLog(record, 'polygon');
  if (!result.ok) throw new Error(result.reason);
  return result.event;
}

function reasonFor(change: Json, log = V2): string {
  const result = parseExchangeLog({ ...log, ...change }, 'polygon');
  return result.ok ? 'accepted' : result.reason;
}

const without = (field: string) => Object.fromEntries(Object.entries(V2).filter(([name]) => name !== field));

/** The log with one of its words, or of its topics, replaced. */
const withWord = (index: number, value: string, log = V2) => {
  const data = String(log['data']);
  return { data: data.slice(0, 2 + index * 64) + value + data.slice(66 + index * 64) };
};
const withTopic = (index: number, value: unknown, log = V2) => ({
  topics: (log['topics'] as unknown[]).with(index, value),
});

const COMMON = {
  id: `${PLACE.transactionHash}-812`,
  source: 'polygon',
  blockNumber: PLACE.block,
  blockHash: PLACE.blockHash,
  logIndex: 812,
  timestamp: PLACE.second,
  transactionHash: PLACE.transactionHash,
  orderHash: PLACE.orderHash,
  maker: PLACE.maker,
  taker: PLACE.taker,
};

describe('a log becomes an order event, field by field', () => {
  test('of V1: the assets as emitted', () => {
    expect(parsed(V1)).toEqual({
      ...COMMON,
      exchange: EXCHANGE_V1,
      exchangeVersion: 1,
      makerAssetId: '0',
      takerAssetId: '7',
      makerAmountFilled: '500000',
      takerAmountFilled: '1250000',
      fee: '10000',
      builder: '',
      metadata: '',
    });
  });

  test('of V2: who sells gives the token', () => {
    expect(parsed(V2)).toEqual({
      ...COMMON,
      exchange: PLACE.address,
      exchangeVersion: 2,
      makerAssetId: '7',
      takerAssetId: '0',
      makerAmountFilled: '1250000',
      takerAmountFilled: '500000',
      fee: '10000',
      builder: `0x${word(0xbeefn)}`,
      metadata: `0x${word(0xfeedn)}`,
    });
  });

  test('of V2: who buys gives the collateral; the amounts stay as emitted', () => {
    expect(parsed({ ...V2, ...withWord(0, word(0n)) })).toMatchObject({
      makerAssetId: '0',
      takerAssetId: '7',
      makerAmountFilled: '1250000',
      takerAmountFilled: '500000',
    });
  });

  test('the form says the version; among those of the V2 form the address does', () => {
    const versionOf = (log: Json) => parsed(log).exchangeVersion;
    const unknown = `0x${'e2'.repeat(20)}`;
    expect(versionOf({ ...V1, address: EXCHANGE_V3 })).toBe(1);
    expect(versionOf({ ...V1, address: unknown })).toBe(1);
    expect(versionOf({ ...V2, address: EXCHANGE_V3 })).toBe(3);
    expect(versionOf({ ...V2, address: unknown })).toBe(2);
    expect(versionOf({ ...V2, address: EXCHANGE_V1 })).toBe(2);
  });

  test('hex comes out lower-case, whatever its case was', () => {
    const upper = (text: string) => `0x${text.slice(2).toUpperCase()}`;
    for (const log of [V1, V2]) {
      const loud = Object.fromEntries(
        Object.entries(log).map(([name, value]) => [name, typeof value === 'string' ? upper(value) : value]),
      );
      const topics = (log['topics'] as string[]).map(upper);
      expect(parsed({ ...loud, topics })).toEqual(parsed(log));
    }
  });

  test('quantities may be numbers, and `removed` may be left out', () => {
    const numbers = { blockNumber: PLACE.block, blockTimestamp: PLACE.second, logIndex: 812 };
    expect(parsed({ ...without('removed'), ...numbers })).toEqual(parsed(V2));
    expect(parsed({ ...V2, removed: null })).toEqual(parsed(V2));
  });
});

describe('odd but well-formed is data', () => {
  test.each([
    ['zero amounts', { ...V2, data: `0x${word(1n)}${word(7n)}${word(0n).repeat(5)}` }],
    ['both assets 0', { ...V1, ...withWord(1, word(0n), V1) }],
    ['neither asset 0', { ...V1, ...withWord(0, word(9n), V1) }],
    ['token 0 in the V2 form', { ...V2, ...withWord(1, word(0n)) }],
    ['an exchange that nobody knows', { ...V2, address: `0x${'00'.repeat(20)}` }],
    ['fields that are not needed', { ...V2, transactionIndex: null, blockReceipts: {} }],
    ['the first block', { ...V2, blockNumber: '0x0', blockTimestamp: '0x0', logIndex: '0x0' }],
    ['the last block', { ...V2, blockNumber: '0x1fffffffffffff', blockTimestamp: '0xffffffff' }],
  ])('%s', (_what, log) => {
    expect(parseExchangeLog(log, 'polygon')).toMatchObject({ ok: true });
  });

  test('the largest values', () => {
    const max = [2n ** 256n - 1n, 2n ** 256n - 1n, 2n ** 64n - 1n, 2n ** 64n - 1n, 2n ** 64n - 1n];
    expect(parsed({ ...V1, logIndex: '0xffffffff', data: `0x${max.map(word).join('')}` })).toMatchObject({
      makerAssetId: String(max[0]),
      takerAssetId: String(max[1]),
      makerAmountFilled: String(max[2]),
      takerAmountFilled: String(max[3]),
      fee: String(max[4]),
      logIndex: 2 ** 32 - 1,
    });
  });
});

describe('malformed', () => {
  const NEEDED = ['address', 'data', 'blockHash', 'transactionHash'];
  const QUANTITIES = ['blockNumber', 'blockTimestamp', 'logIndex'];

  test.each([...NEEDED, ...QUANTITIES, 'topics'])('%s missing, null or of another type', (field) => {
    expect(parseExchangeLog(without(field), 'polygon')).toEqual({ ok: false, reason: `${field}: missing` });
    expect(reasonFor({ [field]: null })).toBe(`${field}: null`);
    const kind = QUANTITIES.includes(field) ? 'quantity' : field === 'topics' ? 'list' : 'string';
    for (const value of [true, { 0: '0x1' }, ...(kind === 'list' ? ['0x1', 1] : [['0x1']])])
      expect(reasonFor({ [field]: value })).toBe(`${field}: not a ${kind}`);
  });

  test.each(QUANTITIES)('%s that is no quantity', (field) => {
    for (const value of [
      '',
      '0x',
      '1f',
      '12',
      '-0x1',
      '0x1g',
      ' 0x1',
      '0x1\n',
      -1,
      1.5,
      NaN,
      2 ** 53,
      Infinity,
    ])
      expect(reasonFor({ [field]: value })).toBe(`${field}: not a quantity`);
  });

  test.each([null, undefined, 1, 'text', [V2]])('a record that is not an object: %j', (record) => {
    expect(parseExchangeLog(record, 'polygon')).toEqual({ ok: false, reason: 'record: not an object' });
  });

  const { address, blockHash, transactionHash, topics, data } = exampleLogV2();
  test.each<[string, Json]>([
    ['removed: true', { removed: true }],
    ['removed: not a boolean', { removed: 'true' }],
    ['address: not 20 bytes of hex', { address: address.slice(0, -1) }],
    ['address: not 20 bytes of hex', { address: `${address}\n` }],
    ['blockHash: not 32 bytes of hex', { blockHash: blockHash.slice(2) }],
    ['transactionHash: not 32 bytes of hex', { transactionHash: `${transactionHash}00` }],
    ['blockNumber: larger than 2^53-1', { blockNumber: '0x20000000000000' }],
    ['blockNumber: larger than 2^53-1', { blockNumber: `0x${'f'.repeat(500)}` }],
    ['blockTimestamp: larger than 2^32-1', { blockTimestamp: '0x100000000' }],
    ['logIndex: larger than 2^32-1', { logIndex: 2 ** 32 }],
    ['topics: not 4', { topics: topics.slice(0, 3) }],
    ['topics: not 4', { topics: [...topics, topics[1]] }],
    ['topics: not 4', { topics: [] }],
    ['topics: the first is not that of an OrderFilled', withTopic(0, TOPIC_V1.replace('d', 'e'))],
    ['topics: the first is not that of an OrderFilled', withTopic(0, null)],
    ['orderHash: not 32 bytes of hex', withTopic(1, `${PLACE.orderHash}00`)],
    ['orderHash: not 32 bytes of hex', withTopic(1, 5)],
    ['maker: not 20 bytes of hex', withTopic(2, PLACE.maker)],
    ['maker: not 20 bytes of hex', withTopic(2, `0x${'0'.repeat(23)}1${PLACE.maker.slice(2)}`)],
    ['taker: not 20 bytes of hex', withTopic(3, `0x1${'0'.repeat(23)}${PLACE.taker.slice(2)}`)],
    ['taker: not 20 bytes of hex', withTopic(3, undefined)],
    ['data: not 7 words of hex', { data: data.slice(0, -1) }],
    ['data: not 7 words of hex', { data: `${data}00` }],
    ['data: not 7 words of hex', { data: '0x' }],
    ['data: not 7 words of hex', { data: exampleLogV1().data }],
    ['data: not 7 words of hex', withWord(5, 'g'.repeat(64))],
    ['side: neither 0 nor 1', withWord(0, word(2n))],
    ['side: neither 0 nor 1', withWord(0, word(2n ** 255n))],
    ['side: neither 0 nor 1', withWord(0, word(2n ** 8n + 1n))],
    ['makerAmountFilled: larger than 2^64-1', withWord(2, word(2n ** 64n))],
    ['takerAmountFilled: larger than 2^64-1', withWord(3, word(2n ** 256n - 1n))],
    ['fee: larger than 2^64-1', withWord(4, word(2n ** 64n + 5n))],
  ])('%s', (reason, change) => {
    expect(reasonFor(change)).toBe(reason);
  });

  test('of V1: data of another length, amounts beyond UInt64', () => {
    expect(reasonFor({ data }, V1)).toBe('data: not 5 words of hex');
    expect(reasonFor(withTopic(0, TOPIC_V2, V1), V1)).toBe('data: not 7 words of hex');
    expect(reasonFor(withWord(4, word(2n ** 64n), V1), V1)).toBe('fee: larger than 2^64-1');
  });

  test('no JSON value in any field makes it throw', () => {
    const names = Object.keys(V2);
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...names), fc.nat(3), (value, field, index) => {
        expect(typeof parseExchangeLog(value, 'polygon').ok).toBe('boolean');
        for (const change of [{ [field]: value }, withTopic(index, value)])
          expect(reasonFor(change)).toMatch(/^(accepted|[a-zA-Z]+: .{1,60})$/);
      }),
    );
  });
});

test('the topics are those of the two forms', () => {
  expect([ORDER_FILLED_V1, ORDER_FILLED_V2]).toEqual([TOPIC_V1, TOPIC_V2]);
});

/** Recorded logs lack what the recordings keep beside them. */
interface RecordedV1 {
  readonly header: { readonly number: number; readonly hash: string; readonly timestamp: number };
  readonly logs: readonly Json[];
}
interface RecordedV2 {
  readonly pmex: readonly Json[];
  readonly pair: { readonly logs: { readonly block_timestamp: string; readonly logs: readonly Json[] } };
}

const BLOCK_HASH = PLACE.blockHash;

function pairEvents(): OrderEvent[] {
  const { logs, block_timestamp: blockTimestamp } = readRecorded<RecordedV2>('v2-logs.json').pair.logs;
  return logs.map((log) => parsed({ ...log, blockTimestamp, blockHash: BLOCK_HASH }));
}

function recordedEvents(): OrderEvent[] {
  const v1 = readRecorded<RecordedV1[]>('v1-logs.json').flatMap(({ header, logs }) =>
    logs.map((log) =>
      parsed({
        ...log,
        blockNumber: header.number,
        blockHash: header.hash,
        blockTimestamp: header.timestamp,
      }),
    ),
  );
  return [...v1, ...readRecorded<RecordedV2>('v2-logs.json').pmex.map(parsed), ...pairEvents()];
}

const EXCHANGES = new Set([EXCHANGE_V1, PLACE.address, EXCHANGE_V3]);

describe.skipIf(lacksRecordedData)('real logs', () => {
  test('are what others decoded them to, in every column', () => {
    const [, ...wanted] = readFileSync(recordedFile('order-filled.csv'), 'utf8').trim().split(/\r?\n/);
    const lines = recordedEvents().map((event) =>
      [
        ...[`V${event.exchangeVersion}`, event.exchange, event.blockNumber, event.timestamp, event.logIndex],
        ...[event.transactionHash, event.orderHash, event.maker, event.taker],
        ...[event.makerAssetId, event.takerAssetId, event.makerAmountFilled, event.takerAmountFilled],
        event.fee,
      ].join(','),
    );
    expect(lines.sort()).toEqual(wanted.sort());
    expect(lines).toHaveLength(37);
  });

  test("make the trade that Polymarket's own Data API gives", () => {
    const said = recordedPair()[0] as DataApiTrade;
    const event = pairEvents().find(({ maker }) => maker === said.proxyWallet);
    if (event === undefined) throw new Error('no log of that wallet');
    expect(event).toMatchObject({ timestamp: said.timestamp, transactionHash: said.transactionHash });
    const trade = toTrade(event, EXCHANGES);
    expect(trade).toMatchObject({ tokenId: said.asset, makerDirection: said.side, isTakerSide: false });
    expect(Number(trade?.usdAmount)).toBe(said.usdcSize);
    expect(Number(trade?.tokenAmount)).toBe(said.size);
    expect(Number(trade?.usdAmount) / Number(trade?.tokenAmount)).toBeCloseTo(said.price, 6);
  });
});

const FIXTURE = fileURLToPath(new URL('../../../shared/fixtures/v2_logs.json', import.meta.url));

describe.skipIf(!existsSync(FIXTURE))('the worked examples', () => {
  const examples = () => JSON.parse(readFileSync(FIXTURE, 'utf8')) as Record<string, readonly Json[]>;

  test('two logs of a match of many makers: the maker event, and the taker event with the fee', () => {
    const [maker, taker] = (examples()['example_D'] ?? []).map(parsed);
    expect(maker).toMatchObject({
      exchangeVersion: 2,
      blockNumber: 91_145_435,
      timestamp: Date.UTC(2026, 6, 30, 14, 52, 53) / 1000,
      logIndex: 812,
      makerAssetId: '0',
      makerAmountFilled: '184683200',
      takerAmountFilled: '355160000',
      fee: '0',
    });
    expect(maker?.takerAssetId).toBe(
      '55071408509026991919997200002506654928449624031690601042840993826409186678380',
    );
    expect(taker).toMatchObject({
      id: '0xa695db094e5c603e1e8d65d3dac1fe119475260ad8cffcbc31434ff752be4d99-838',
      maker: maker?.taker,
      taker: '0xe111180000d2663c0091e4f400237545b87b996b',
      makerAmountFilled: '4536829999',
      takerAmountFilled: '9451729165',
      fee: '117957570',
    });
    expect(taker?.takerAssetId).toBe(
      '14276748550157131128264970654641660984562839966146774962941183022286746886582',
    );
  });

  test('a mint of one maker: its price is below 1; other events of the exchange are malformed', () => {
    const logs = (examples()['example_C'] ?? []).map((log) => ({
      ...log,
      blockHash: BLOCK_HASH,
      blockTimestamp: '0x6a000000',
    }));
    const [fill, ...others] = logs;
    expect(parsed(fill)).toMatchObject({
      blockNumber: 87_909_517,
      logIndex: 977,
      maker: '0x86a29f88fcc23ea2b0e01b4e186b043e26c873a8',
      makerAssetId: '0',
      takerAssetId: String(0x1be01ed2dbe761b31af76b05e195bbcb779f149f076710c4ea0ce184b453404an),
      makerAmountFilled: '4493506',
      takerAmountFilled: '6493505',
      fee: '0',
    });
    expect(others.map((log) => parseExchangeLog(log, 'polygon'))).toEqual([
      { ok: false, reason: 'topics: not 4' },
      { ok: false, reason: 'topics: not 4' },
    ]);
  });
});
