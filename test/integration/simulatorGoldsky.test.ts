import { afterAll, beforeAll, expect, test } from 'vitest';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { RecordedExchange } from '../../src/simulator/recorded.ts';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import type { OrderRow } from '../../src/simulator/upstream.ts';

const NOW = 1_795_000_000;
const FIELDS =
  'id transactionHash timestamp orderHash maker taker makerAssetId takerAssetId makerAmountFilled takerAmountFilled fee';

let exchange: SimulatedExchange;
let simulator: Simulator;
beforeAll(async () => {
  exchange = new SimulatedExchange({
    start: NOW - 600,
    now: () => NOW * 1000,
    burstProbability: 0.02,
    burstEvents: 2500,
    malformedShare: 0.01,
  });
  simulator = await startSimulator({ upstream: exchange });
});
afterAll(() => simulator.close());

interface Answer {
  readonly data?: Record<string, unknown>;
  readonly errors?: readonly { readonly message: string; readonly locations?: unknown }[];
}

async function ask(query: string, variables?: object, url = simulator.goldskyUrl): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ query, variables }) });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

async function rows(args: string, url?: string): Promise<OrderRow[]> {
  const { data, errors } = await ask(`{ orderFilledEvents(${args}) { ${FIELDS} } }`, undefined, url);
  expect(errors).toBeUndefined();
  return data?.['orderFilledEvents'] as OrderRow[];
}

async function message(args: string): Promise<string> {
  const { data, errors } = await ask(`{ orderFilledEvents(${args}) { id } }`);
  expect(data).toBeUndefined();
  expect(errors).toHaveLength(1);
  return errors?.[0]?.message ?? '';
}

test('the two-step walk by (timestamp, id) gives exactly what the exchange has', async () => {
  const query = `query Page($where: OrderFilledEvent_filter!) {
    page: orderFilledEvents(first: 1000, orderBy: timestamp, orderDirection: asc, where: $where) { ${FIELDS} }
  }`;
  const walked: OrderRow[] = [];
  let [timestamp, id] = [String(NOW - 601), ''];
  for (let done = false; !done;) {
    for (const where of [{ timestamp, id_gt: id }, { timestamp_gt: timestamp }]) {
      const page = (await ask(query, { where })).data?.['page'] as OrderRow[];
      walked.push(...page);
      const last = page.at(-1);
      if (last === undefined) done = 'timestamp_gt' in where;
      else {
        [timestamp, id] = [last['timestamp'] as string, last['id'] as string];
        break;
      }
    }
  }
  const expected = Array.from(exchange.events({ from: 0, to: NOW }), ({ row }) => row);
  expect(walked.length).toBeGreaterThan(15_000);
  expect(walked).toEqual(expected);
  expect(exchange.head().timestamp).toBe(Number(walked.at(-1)?.['timestamp']));
});

test('one query with or walks the same way; both directions and skip agree', async () => {
  const from = NOW - 300;
  const first = await rows(`first: 50, orderBy: timestamp, where: { timestamp_gte: "${from}" }`);
  const pivot = first[20];
  const or = `or: [{ timestamp_gt: "${String(pivot?.['timestamp'])}" }, { timestamp: "${String(pivot?.['timestamp'])}", id_gt: "${String(pivot?.['id'])}" }]`;
  expect(await rows(`first: 29, orderBy: timestamp, where: { ${or} }`)).toEqual(first.slice(21));
  expect(await rows(`first: 29, skip: 21, orderBy: timestamp, where: { timestamp_gte: ${from} }`)).toEqual(
    first.slice(21),
  );
  const last = first.at(-1);
  const back = await rows(
    `first: 50, orderBy: timestamp, orderDirection: desc, where: { and: [{ timestamp_gte: "${from}" }, { or: [{ timestamp_lt: "${String(last?.['timestamp'])}" }, { timestamp: "${String(last?.['timestamp'])}", id_lte: "${String(last?.['id'])}" }] }] }`,
  );
  expect(back).toEqual(first.toReversed());
});

test('columns filter; the default page is 100 rows by id', async () => {
  const all = Array.from(exchange.events({ from: NOW - 100, to: NOW }), ({ row }) => row);
  const { maker, transactionHash } = all.find((row) => typeof row['maker'] === 'string') as Record<
    string,
    string
  >;
  const seconds = `timestamp_gte: "${NOW - 100}"`;
  const byMaker = await rows(`first: 1000, orderBy: timestamp, where: { ${seconds}, maker: "${maker}" }`);
  expect(byMaker).toEqual(all.filter((row) => row['maker'] === maker).slice(0, 1000));
  const byTx = await rows(
    `orderBy: timestamp, where: { ${seconds}, transactionHash: "${transactionHash?.toUpperCase().replace('X', 'x')}" }`,
  );
  expect(byTx).toEqual(all.filter((row) => row['transactionHash'] === transactionHash));
  const ids = all.slice(3, 6).map((row) => row['id'] as string);
  expect(await rows(`orderBy: timestamp, where: { id_in: ${JSON.stringify(ids)} }`)).toEqual(all.slice(3, 6));
  const page = await rows(`where: { ${seconds} }`);
  expect(page.map(({ id }) => id)).toEqual(
    all
      .map(({ id }) => id as string)
      .sort()
      .slice(0, 100),
  );
});

test('any selection and aliases; _meta beside data; any path', async () => {
  const { data } = await ask(
    '{ _meta { block { number hash timestamp } hasIndexingErrors deployment } a: orderFilledEvents(first: 1) { key: id } }',
    undefined,
    `${simulator.goldskyUrl}/subgraphs/orderbook-subgraph/0.0.1/gn`,
  );
  const { number, hash, timestamp } = exchange.head();
  expect(data?.['_meta']).toMatchObject({ block: { number, hash, timestamp }, hasIndexingErrors: false });
  expect(Object.keys((data?.['a'] as object[])[0] ?? {})).toEqual(['key']);
});

test("refusals carry graph-node's texts", async () => {
  expect(await message('first: 1001')).toBe('The `first` argument must be between 0 and 1000, but is 1001');
  expect(await message('skip: 5001')).toBe('The `skip` argument must be between 0 and 5000, but is 5001');
  expect(await message('where: { maker: "0x", or: [{ fee: "1" }] }')).toContain(
    "Cannot mix column filters with 'or' operator at the same level",
  );
  const { number } = exchange.head();
  expect(await message(`block: { number_gte: ${number + 5} }`)).toContain(
    `has only indexed up to block number ${number} and data for block number ${number + 5} is therefore not yet available`,
  );
  for (const query of [
    '{ orderFilledEvents( { id }',
    '{ orderFilledEvents { nope } }',
    '{ orderFilledEvents(where: {timestamp_gt: "x"}) { id } }',
  ]) {
    const { data, errors } = await ask(query);
    expect(data).toBeUndefined();
    expect(errors?.[0]?.locations).toBeDefined();
  }
});

test('a pinned block hides what came later', async () => {
  const block = exchange.block(exchange.head().number - 10);
  for (const pin of [`number: ${block.number}`, `hash: "${block.hash}"`]) {
    const [last] = await rows(
      `first: 1, orderBy: timestamp, orderDirection: desc, block: { ${pin} }, where: { timestamp_gt: "0" }`,
    );
    expect(Number(last?.['timestamp'])).toBeLessThanOrEqual(block.timestamp);
    expect(Number(last?.['timestamp'])).toBeGreaterThan(block.timestamp - 20);
  }
});

test('broken rows go out as they are: fields absent, null, of other types', async () => {
  const broken = [
    { id: '0x1_0x1', timestamp: '100', maker: null, fee: [1, { a: 2 }] },
    { id: '0x2_0x2', timestamp: '101', maker: 7 },
    { timestamp: 102, id: '0x3_0x3', fee: { toString: 'no' } },
  ];
  const other = await startSimulator({ upstream: new RecordedExchange({ events: broken }) });
  try {
    expect(await rows('orderBy: timestamp, where: { timestamp_gt: "0" }', other.goldskyUrl)).toEqual(broken);
  } finally {
    await other.close();
  }
});
