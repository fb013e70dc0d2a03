import { expect, test } from 'vitest';
import { exchangeVersion } from '../../src/base/exchanges.ts';
import { chainLogs } from '../../src/simulator/chainLogs.ts';
import { SimulatedExchange, type ExchangeOptions } from '../../src/simulator/exchange.ts';
import { takerFee } from '../../src/simulator/fees.ts';
import { encodeLog } from '../../src/simulator/logs.ts';
import type { MarketSpec } from '../../src/simulator/markets.ts';
import { toRow, type ChainLog, type Fill } from '../../src/simulator/upstream.ts';

const NOW = 1_795_000_000;
const CUTOVER = NOW - 600;

function modern(options: Partial<ExchangeOptions> = {}): SimulatedExchange {
  return new SimulatedExchange({
    start: NOW - 1200,
    cutover: CUTOVER,
    burstProbability: 0,
    now: () => NOW * 1000,
    ...options,
  });
}

function allLogs(exchange: SimulatedExchange): ChainLog[] {
  return chainLogs(exchange, exchange.start().block, Infinity);
}

const allFills = (exchange: SimulatedExchange): Fill[] => allLogs(exchange).flatMap(({ fill }) => fill ?? []);

test('before the cutover all is V1; after it groups trade on one V2 exchange, v2 markets on V3, the others on V2', () => {
  const exchange = modern();
  const markets = new Map(
    exchange.markets().flatMap((entry) => entry.tokenIds.map((token) => [token, entry.object()] as const)),
  );
  const versions = { 1: 0, 2: 0, 3: 0 };
  for (const fill of allFills(exchange)) {
    const version = exchangeVersion(fill.exchange) ?? 1;
    expect(version === 1).toBe(fill.timestamp < CUTOVER);
    versions[version]++;
    const market = markets.get(fill.tokenId);
    if (version === 1 || market === undefined) continue;
    const isV2 = market['version'] === 'v2';
    expect(version === 3).toBe(isV2);
    expect((market[isV2 ? 'positionIds' : 'clobTokenIds'] as string).includes(fill.tokenId)).toBe(true);
    expect(fill.exchange.startsWith('0xe222')).toBe(market['negRisk'] === true);
  }
  expect(versions[3] / (versions[2] + versions[3])).toBeGreaterThan(0.03);
  expect(versions[3] / (versions[2] + versions[3])).toBeLessThan(0.35);
});

test('a share of the trading may go on on V1 after the cutover', () => {
  const after = allFills(modern({ v1Share: 0.3 })).filter(({ timestamp }) => timestamp >= CUTOVER);
  const share = after.filter(({ exchange }) => exchangeVersion(exchange) === 1).length / after.length;
  expect(share).toBeGreaterThan(0.25);
  expect(share).toBeLessThan(0.35);
});

test('fees of V2 and later are collateral, of the taker alone, as two real logs have them', () => {
  const market = (kind: 'updown' | 'sports') => ({ kind }) as MarketSpec;
  const match = (usd: number, tokens: number) =>
    ({ outcome: 0, side: 'BUY', makers: [], usd, tokens }) as const;
  expect(takerFee(market('updown'), match(1_999_999, 6_493_505), 2)).toBe(96_870);
  expect(takerFee(market('sports'), match(4_536_829_999, 9_451_729_165), 2)).toBe(117_957_570);
  const fills = allFills(modern()).filter(({ timestamp }) => timestamp >= CUTOVER);
  expect(fills.filter(({ fee }) => fee > 0).every(({ exchange, taker }) => taker === exchange)).toBe(true);
  expect(fills.filter(({ builder }) => !/^0x0+$/.test(builder)).length / fills.length).toBeGreaterThan(0.1);
});

test('a fill is encoded as the real log of its kind', () => {
  const fill: Fill = {
    timestamp: 0x6a6b6545,
    blockNumber: 0x56ec4db,
    transactionIndex: 0x51,
    logIndex: 0x346,
    exchange: '0xe111180000d2663c0091e4f400237545b87b996b',
    transactionHash: '0xa695db094e5c603e1e8d65d3dac1fe119475260ad8cffcbc31434ff752be4d99',
    orderHash: '0x1e3ed4dd848b0b98c3485cd2c6691c9a08a771e90d89bf2c71ffc9b448233e59',
    maker: '0xfe787d2da716d60e8acff57fb87eb13cd4d10319',
    taker: '0xe111180000d2663c0091e4f400237545b87b996b',
    side: 'BUY',
    tokenId: BigInt('0x1f905a735731ed23581f810122da24c492a5f1c7bc7284617094c3be495b21b6').toString(),
    usd: 4_536_829_999,
    tokens: 9_451_729_165,
    fee: 117_957_570,
    builder: `0x${'0'.repeat(64)}`,
    metadata: `0x${'0'.repeat(64)}`,
  };
  const hash = '0x96e1620543203676bfd9f4c737f2ccbc959da558e31b91423c068153912219d4';
  const block = { number: fill.blockNumber, hash, parentHash: '', timestamp: fill.timestamp };
  expect(encodeLog(toRow(fill), fill, block)).toEqual({
    address: fill.exchange,
    blockHash: hash,
    blockNumber: '0x56ec4db',
    blockTimestamp: '0x6a6b6545',
    removed: false,
    transactionHash: fill.transactionHash,
    transactionIndex: '0x51',
    logIndex: '0x346',
    topics: [
      '0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee',
      fill.orderHash,
      '0x000000000000000000000000fe787d2da716d60e8acff57fb87eb13cd4d10319',
      '0x000000000000000000000000e111180000d2663c0091e4f400237545b87b996b',
    ],
    data:
      '0x0000000000000000000000000000000000000000000000000000000000000000' +
      '1f905a735731ed23581f810122da24c492a5f1c7bc7284617094c3be495b21b6' +
      '000000000000000000000000000000000000000000000000000000010e6a882f' +
      '00000000000000000000000000000000000000000000000000000002335df10d' +
      '000000000000000000000000000000000000000000000000000000000707e3c2' +
      '0'.repeat(128),
  });
});

test('log indices grow within a block; a fill served broken is broken as a row and as a log', () => {
  const exchange = modern({ malformedShare: 0.05 });
  const logs = allLogs(exchange);
  for (const [i, { log }] of logs.entries()) {
    const before = logs[i - 1]?.log;
    if (before?.blockNumber === log.blockNumber)
      expect(Number(log.logIndex)).toBeGreaterThan(Number(before.logIndex));
  }
  const broken = logs.filter(({ malformed }) => malformed !== undefined);
  const rows = new Set(
    [...exchange.events({ from: 0, to: NOW })].flatMap(({ id, malformed }) => (malformed ? [id] : [])),
  );
  expect(broken.length / logs.length).toBeGreaterThan(0.03);
  expect(new Set(broken.map(({ malformed }) => malformed)).size).toBe(9);
  const indexed = broken.filter(({ fill }) => (fill?.timestamp ?? 0) <= exchange.head().timestamp);
  expect(new Set(indexed.map(({ fill }) => `${fill?.transactionHash}_${fill?.orderHash}`))).toEqual(rows);
});
