import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RecordedExchange } from '../../src/simulator/recorded.ts';
import { readRecording } from '../../src/simulator/recordedFiles.ts';
import { toGammaMarkets } from '../../src/simulator/recordedMarkets.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recording-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Buffer): Promise<string> {
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

const POLY_DATA = `timestamp,maker,makerAssetId,makerAmountFilled,taker,takerAssetId,takerAmountFilled,transactionHash
1704422184,0xaa,0,84000000,0xbb,77,200000000,0x01
1704422184,0xcc,77,5,0xdd,0,2,0x01
1704422180,0xaa,0,1,0xbb,78,2,0x00
`;

test('poly_data exports replay, plain and gzipped, with order hashes made from the line', async () => {
  const plain = await readRecording({ events: await file('a.csv', POLY_DATA), markets: undefined });
  const zipped = await readRecording({
    events: await file('a.csv.gz', gzipSync(POLY_DATA)),
    markets: undefined,
  });
  const events = [...plain.events({ from: 0, to: Infinity })];
  expect(events).toEqual([...zipped.events({ from: 0, to: Infinity })]);
  expect(events.map(({ timestamp }) => timestamp)).toEqual([1704422180, 1704422184, 1704422184]);
  expect(new Set(events.map(({ id }) => id)).size).toBe(3);
  expect(events[0]?.row).toMatchObject({
    makerAssetId: '0',
    takerAssetId: '78',
    fee: '0',
    timestamp: '1704422180',
  });
  expect(events[0]?.id).toMatch(/^0x00_0x[0-9a-f]{64}$/);
  expect(plain.head().timestamp).toBe(1704422184);
});

test('columns that are there win: order hash, fee, id, in any order and with quotes', async () => {
  const csv =
    'fee,order_hash,transactionHash,takerAmountFilled,takerAssetId,taker,makerAmountFilled,makerAssetId,maker,timestamp\n' +
    '7,0xfe,0x01,"2",77,0xbb,1,0,"0xa""a",1704422184\n';
  const exchange = await readRecording({ events: await file('b.csv', csv), markets: undefined });
  const [event] = exchange.events({ from: 0, to: Infinity });
  expect(event?.id).toBe('0x01_0xfe');
  expect(event?.row).toMatchObject({ fee: '7', orderHash: '0xfe', maker: '0xa"a', takerAmountFilled: '2' });
});

test('an unusable file is named in one line', async () => {
  await expect(readRecording({ events: join(folder, 'none.csv'), markets: undefined })).rejects.toThrow(
    /none\.csv .*ENOENT/,
  );
  const bad = await file('bad.csv', 'a,b\n1,2\n');
  await expect(readRecording({ events: bad, markets: undefined })).rejects.toThrow(
    /no column timestamp, maker/,
  );
  const good = await file('good.csv', POLY_DATA);
  const broken = await file('broken.json', '[{"id": 1');
  await expect(readRecording({ events: good, markets: broken })).rejects.toThrow(
    /neither a JSON array nor JSON lines/,
  );
});

const GAMMA = { id: '12', conditionId: '0x1', closed: false, clobTokenIds: '["77", "78"]', slug: 'a' };
const CLOB = {
  condition_id: '0x2',
  question: 'Lakers vs. Bulls',
  market_slug: 'b',
  closed: true,
  end_date_iso: null,
  tokens: [
    { token_id: '1', outcome: 'Lakers', price: 0.97, winner: true },
    { token_id: '2', outcome: 'Bulls', price: 0.03, winner: false },
  ],
};

test('markets come as array or lines, from Gamma, Gamma events or CLOB', async () => {
  const events = await file('c.csv', POLY_DATA);
  const nested = { id: '5', slug: 'event', markets: [{ id: '13', conditionId: '0x3' }] };
  const lines = await file(
    'm.jsonl.gz',
    gzipSync([GAMMA, nested, CLOB].map((one) => JSON.stringify(one)).join('\n')),
  );
  const array = await file('m.json', JSON.stringify([GAMMA, nested, CLOB], null, 1));
  for (const markets of [lines, array]) {
    const entries = (await readRecording({ events, markets })).markets();
    expect(entries.map(({ conditionId }) => conditionId)).toEqual(['0x1', '0x3', '0x2']);
    expect(entries[0]?.object()).toEqual(GAMMA);
    expect(entries[1]?.object()['events']).toEqual([{ id: '5', slug: 'event' }]);
    expect(entries[2]).toMatchObject({ closed: true, tokenIds: ['1', '2'], slug: 'b' });
    expect(entries[2]?.object()).toMatchObject({
      outcomes: '["Lakers","Bulls"]',
      outcomePrices: '["1","0"]',
    });
  }
});

test('of several CLOB objects with one condition id the last wins; without one all stay', () => {
  const none = { ...CLOB, condition_id: '' };
  const markets = toGammaMarkets([CLOB, none, { ...CLOB, question: 'newer' }, none]);
  expect(markets.map(({ question }) => question)).toEqual(['newer', 'Lakers vs. Bulls', 'Lakers vs. Bulls']);
  expect(new Set(markets.map(({ id }) => id)).size).toBe(3);
});

test('rows are served as given; a later row with the same id replaces; broken ones have a place', () => {
  const exchange = new RecordedExchange({
    events: [
      { id: 'b', timestamp: '10', fee: null },
      { id: 'a', timestamp: '10' },
      { timestamp: null, maker: 7 },
      { id: 'c', timestamp: '9' },
      { id: 'a', timestamp: '10', fee: '1' },
    ],
  });
  const events = [...exchange.events({ from: 0, to: 100 })];
  expect(events.map(({ timestamp }) => timestamp)).toEqual([9, 10, 10, 10]);
  expect(events.map(({ row }) => row)).toContainEqual({ timestamp: null, maker: 7 });
  expect(events.find(({ id }) => id === 'a')?.row).toEqual({ id: 'a', timestamp: '10', fee: '1' });
  expect([...exchange.events({ from: 0, to: 100, descending: true })]).toEqual(events.toReversed());
  exchange.removeEvents(['b']);
  exchange.addEvents([{ id: 'z', timestamp: '11' }]);
  expect(exchange.head().timestamp).toBe(11);
  expect([...exchange.events({ from: 10, to: 11 })].map(({ id }) => id)).not.toContain('b');
});

test('a newer state of a market replaces the older; markets without an id stay apart', () => {
  const exchange = new RecordedExchange({ markets: [GAMMA, { conditionId: '0x9' }, { id: 7 }] });
  exchange.addMarkets([{ ...GAMMA, closed: true }]);
  expect(exchange.markets().map(({ closed }) => closed)).toEqual([true, false, false]);
});
