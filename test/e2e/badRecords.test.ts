import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/store/clickhouse.ts';
import { readBody, serve } from '../integration/sourcesServer.ts';
import { exampleMarket, exampleToken, exampleTrade } from '../support/examples.ts';
import { startWorkersHere, untilCount } from '../support/pipeline.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const FROM = 1_714_000_000;
const MEGABYTE = 1_000_000;
const HALF_A_PAIR = '\ud800';
const DEEP = `${'['.repeat(100_000)}1${']'.repeat(100_000)}`;

/** A value that JSON.stringify would not write: it stands in the answer as it is. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** JSON with raw values in it, and without a field whose value is undefined. */
function write(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${write(inner)}`).join(',')}}`;
}

interface Bad {
  /** Changes to a good record, or something else in its place. */
  readonly change?: Record<string, unknown>;
  readonly instead?: unknown;
  readonly reason: string;
}

const EVENTS: readonly Bad[] = [
  { change: { maker: undefined }, reason: 'maker: missing' },
  { change: { maker: null }, reason: 'maker: null' },
  { change: { maker: true }, reason: 'maker: not a string' },
  { change: { maker: 'x'.repeat(MEGABYTE) }, reason: 'maker: not 20 bytes of hex' },
  { change: { maker: `0x${'a'.repeat(39)}${HALF_A_PAIR}` }, reason: 'maker: not 20 bytes of hex' },
  { change: { taker: '0x1234' }, reason: 'taker: not 20 bytes of hex' },
  { change: { taker: `0x${'a'.repeat(39)}\0` }, reason: 'taker: not 20 bytes of hex' },
  { change: { orderHash: `0x${'g'.repeat(64)}` }, reason: 'orderHash: not 32 bytes of hex' },
  { change: { orderHash: HALF_A_PAIR }, reason: 'orderHash: not 32 bytes of hex' },
  { change: { transactionHash: `0X${'a'.repeat(64)}` }, reason: 'transactionHash: not 32 bytes of hex' },
  { change: { transactionHash: [] }, reason: 'transactionHash: not a string' },
  { change: { id: null }, reason: 'id: null' },
  { change: { id: 5 }, reason: 'id: not a string' },
  { change: { id: `0x5${'a'.repeat(MEGABYTE)}` }, reason: 'id: longer than 200 characters' },
  { change: { id: `0x5${HALF_A_PAIR}` }, reason: 'id: not UTF-8' },
  { change: { timestamp: '99999999999999' }, reason: 'timestamp: larger than 2^32-1' },
  { change: { timestamp: '-5' }, reason: 'timestamp: not a decimal integer' },
  { change: { timestamp: '0000-00-00' }, reason: 'timestamp: not a decimal integer' },
  { change: { timestamp: { seconds: FROM } }, reason: 'timestamp: not a string' },
  { change: { makerAmountFilled: new Raw('1e400') }, reason: 'makerAmountFilled: not a string' },
  { change: { makerAmountFilled: new Raw('9'.repeat(40)) }, reason: 'makerAmountFilled: not a string' },
  { change: { makerAmountFilled: '1e6' }, reason: 'makerAmountFilled: not a decimal integer' },
  { change: { takerAmountFilled: '-1' }, reason: 'takerAmountFilled: not a decimal integer' },
  { change: { takerAmountFilled: String(2n ** 64n) }, reason: 'takerAmountFilled: larger than 2^64-1' },
  { change: { takerAmountFilled: '9'.repeat(MEGABYTE) }, reason: 'takerAmountFilled: larger than 2^64-1' },
  { change: { fee: '' }, reason: 'fee: not a decimal integer' },
  { change: { fee: new Raw(DEEP) }, reason: 'fee: not a string' },
  { change: { fee: new Raw('{"__proto__":{"a":1},"constructor":2}') }, reason: 'fee: not a string' },
  { change: { makerAssetId: '00' }, reason: 'makerAssetId: not a uint256 in decimal' },
  { change: { takerAssetId: '0x10' }, reason: 'takerAssetId: not a uint256 in decimal' },
  { change: { takerAssetId: String(2n ** 256n) }, reason: 'takerAssetId: not a uint256 in decimal' },
  { instead: null, reason: 'record: not an object' },
  { instead: 5, reason: 'record: not an object' },
  { instead: `text\0${HALF_A_PAIR}\n\n`, reason: 'record: not an object' },
  { instead: [{ id: '1' }], reason: 'record: not an object' },
  { instead: {}, reason: 'id: missing' },
  { instead: new Raw('{"__proto__":{"id":"1"},"toJSON":"x"}'), reason: 'id: missing' },
];

/** Odd, but data. */
const ODD_EVENTS: readonly Record<string, unknown>[] = [
  {},
  { extra: 'x'.repeat(MEGABYTE), nested: new Raw(DEEP), more: new Raw('1e400') },
  { id: 'any \0 text' },
  { makerAmountFilled: '0', takerAmountFilled: '000' },
  { makerAmountFilled: String(2n ** 64n - 1n) },
  { maker: `0x${'AB'.repeat(20)}` },
  { makerAssetId: '0', takerAssetId: '0' },
  { timestamp: '4294967295' },
];

const CONDITION = `0x${'ab'.repeat(32)}`;

const MARKETS: readonly Bad[] = [
  { change: { id: undefined }, reason: 'id: missing' },
  { change: { id: 5 }, reason: 'id: not a string' },
  { change: { id: new Raw('1e400') }, reason: 'id: not a string' },
  { change: { id: '' }, reason: 'id: empty' },
  { change: { id: HALF_A_PAIR }, reason: 'id: not UTF-8' },
  { change: { id: '1'.repeat(MEGABYTE) }, reason: 'id: longer than 200 characters' },
  { change: { conditionId: null }, reason: 'conditionId: null' },
  { change: { conditionId: `${CONDITION}00` }, reason: 'conditionId: not 31 or 32 bytes of hex' },
  { instead: null, reason: 'record: not an object' },
  { instead: 'text', reason: 'record: not an object' },
];

const ODD_MARKETS: readonly Record<string, unknown>[] = [
  {},
  { question: 'x'.repeat(MEGABYTE), slug: null },
  { question: `half ${HALF_A_PAIR} and \0`, groupItemTitle: { a: 1 } },
  { clobTokenIds: '["1", ', outcomes: 'broken' },
  { clobTokenIds: new Raw(DEEP), outcomes: new Raw(DEEP) },
  { clobTokenIds: JSON.stringify([HALF_A_PAIR]), outcomes: JSON.stringify(['x'.repeat(MEGABYTE)]) },
  { clobTokenIds: new Raw(`[${'1'.repeat(70)}, ${'2'.repeat(70)}]`), outcomes: ['Yes', 'No'] },
  {
    createdAt: '0000-00-00',
    endDate: '9999-99-99T99:99:99Z',
    closedTime: new Raw('1e400'),
    startDate: '0001-01-01',
  },
  { volume: 'NaN', liquidity: 'Infinity' },
  { volume: 1e300, liquidity: '1e28' },
  { volume: new Raw('1e400'), liquidity: '9'.repeat(30) },
  { volume: -5.5, liquidity: '9'.repeat(MEGABYTE) },
  { events: [[[]]], closed: 'maybe', active: 1 },
  { events: [{ id: {}, slug: 5, title: [], ticker: null }], umaResolutionStatus: { a: 1 } },
  { outcomePrices: { a: 1 }, positionIds: 5, version: 'v9' },
  { ...(JSON.parse('{"__proto__": {"id": "7"}}') as object), constructor: 1 },
];

/** The text of each record in an answer. */
function texts<T extends Record<string, unknown>>(
  good: (nth: number) => T,
  bad: readonly Bad[],
  from: number,
) {
  return bad.map(({ change, instead }, index) =>
    change === undefined ? write(instead) : write({ ...good(from + index), ...change }),
  );
}

test('some 50 kinds of bad and odd records in one page each: every bad one in quarantine once, as it came; the others land', async () => {
  const trade = (nth: number) =>
    exampleTrade({ token: exampleToken('bad', nth % 2), second: FROM + (nth % 3) });
  const market = (nth: number) => ({ ...exampleMarket({ id: String(800_000 + nth), name: `bad ${nth}` }) });
  const badEvents = texts(trade, EVENTS, 0);
  const oddEvents = ODD_EVENTS.map((change, index) => write({ ...trade(index), ...change }));
  const badMarkets = texts(market, MARKETS, 0);
  const oddMarkets = ODD_MARKETS.map((change, index) => write({ ...market(100 + index), ...change }));
  const goldsky = new RawSubgraph([...badEvents, ...oddEvents]);
  const upstream = await serve((request, response) => {
    if (request.method === 'POST') return void goldsky.answer(request, response);
    const isOpen = request.url?.includes('closed=false') === true && !request.url.includes('clob_token_ids');
    return send(response, `{"markets":[${isOpen ? [...badMarkets, ...oddMarkets].join(',') : ''}]}`);
  });
  const environment = testEnvironment({
    GAMMA_URL: upstream,
    GOLDSKY_URL: upstream,
    GOLDSKY_START: String(FROM),
  });
  const database = new Database(testConfig(environment).clickhouse);
  onTestFinished(() => database.close());
  startWorkersHere(environment);

  await untilCount(database, 'SELECT count() AS n FROM order_events', ODD_EVENTS.length, 60_000);
  await untilCount(database, 'SELECT count() AS n FROM markets', ODD_MARKETS.length, 60_000);
  await untilCount(database, 'SELECT count() AS n FROM quarantine', EVENTS.length + MARKETS.length, 60_000);
  for (const [source, bad, sent] of [
    ['goldsky', EVENTS, badEvents],
    ['gamma', MARKETS, badMarkets],
  ] as const) {
    const rows = await database.rows<{ record: string; reason: string }>(
      'SELECT record, reason FROM quarantine WHERE source = {source:String}',
      { source },
    );
    const found = rows.map(({ record, reason }) => `${reason} ${original(JSON.parse(record))}`);
    const wanted = sent.map((text, index) => `${bad[index]?.reason} ${text}`);
    expect(found.map(shortened).toSorted()).toEqual(wanted.map(shortened).toSorted());
    expect(found.filter((line) => !wanted.includes(line)).map(shortened)).toEqual([]);
  }
  const { queues } = new RedisWorld(environment);
  for (const queue of queues.all()) expect(await queue.getFailedCount(), queue.name).toBe(0);

  expect(
    await database.rows(
      'SELECT id, toUnixTimestamp(timestamp) AS second FROM order_events WHERE timestamp > now()',
    ),
  ).toEqual([expect.objectContaining({ second: 4_294_967_295 })]);
  const stored = await database.rows<{ line: string }>(
    `SELECT concat_ws(' ', toUInt32(id) - 800100, volume, liquidity,
       multiIf(token1 = '', 'no token', length(token1) = 70, '70 digits', 'token'), isNull(created_at) ? 'no date' : 'date') AS line
     FROM markets ORDER BY id`,
  );
  const odd = new Map([
    [3, '12.5 0 no token date'],
    [4, '12.5 0 no token date'],
    [5, '12.5 0 no token date'],
    [6, '12.5 0 70 digits date'],
    [7, '12.5 0 token no date'],
    [8, '0 0 token date'],
    [9, '0 0 token date'],
    [10, '0 0 token date'],
    [11, '-5.5 0 token date'],
  ]);
  expect(stored.map(({ line }) => line)).toEqual(
    ODD_MARKETS.map((_, index) => `${index} ${odd.get(index) ?? '12.5 0 token date'}`),
  );
}, 120_000);

/** The JSON that was sent: numbers and nesting that JavaScript cannot hold are kept as text in place (losslessJson.ts). */
function original(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(original).join(',')}]`;
  const fields = Object.entries(value);
  const [name, text] = fields[0] ?? [];
  if (fields.length === 1 && (name === 'number' || name === 'json')) return String(text);
  return `{${fields.map(([field, inner]) => `${JSON.stringify(field)}:${original(inner)}`).join(',')}}`;
}

function shortened(line: string): string {
  return line.length > 200 ? `${line.slice(0, 150)}… ${line.length}` : line;
}

function send(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(body);
}

/** Answers as the subgraph does, with records as they are written. One without a place of its own comes with the first second. */
class RawSubgraph {
  readonly #records: { readonly second: number; readonly id: string; readonly text: string }[];

  constructor(records: readonly string[]) {
    this.#records = records
      .map((text) => {
        const { id, timestamp } = (JSON.parse(text) ?? {}) as { id?: unknown; timestamp?: unknown };
        const second = typeof timestamp === 'string' && /^\d+$/.test(timestamp) ? Number(timestamp) : FROM;
        return { second, id: typeof id === 'string' ? id : '', text };
      })
      .sort((a, b) => a.second - b.second || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { variables } = JSON.parse(await readBody(request)) as {
      variables: { first: number; where: Record<string, string> };
    };
    const { timestamp, timestamp_gt: after, timestamp_lt: before, id_gt: idAfter } = variables.where;
    const found = this.#records.filter(
      ({ second, id }) =>
        (timestamp === undefined || second === Number(timestamp)) &&
        (after === undefined || second > Number(after)) &&
        (before === undefined || second < Number(before)) &&
        (idAfter === undefined || Buffer.compare(Buffer.from(id), Buffer.from(idAfter)) > 0),
    );
    const list = found.slice(0, variables.first).map(({ text }) => text);
    const head = `{"block":{"number":1,"timestamp":${Math.floor(Date.now() / 1000)}},"hasIndexingErrors":false}`;
    send(response, `{"data":{"orderFilledEvents":[${list.join(',')}],"_meta":${head}}}`);
  }
}
