import { afterEach, beforeEach, expect, test } from 'vitest';
import { KNOWN_EXCHANGES } from '../../src/base/exchanges.ts';
import { chainLogs } from '../../src/simulator/chainLogs.ts';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import type { RpcLog } from '../../src/simulator/upstream.ts';

const NOW = 1_795_000_000;
const V2_TOPIC = '0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee';

let simulator: Simulator;
let first: number;
let head: number;
beforeEach(async () => {
  simulator = await startSimulator({
    exchange: {
      start: NOW - 300,
      cutover: NOW - 150,
      burstProbability: 0,
      malformedShare: 0.02,
      now: () => NOW * 1000,
    },
    hypersync: { maxBlocks: 20 },
  });
  head = simulator.upstream.chainHead().number;
  first = simulator.upstream.start().block ?? 0;
});
afterEach(() => simulator.close());

interface Answer {
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const request = (method: string, params: unknown[] = [], id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});

async function post(body: unknown, url = simulator.polygonUrl): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

const call = async (method: string, params: unknown[] = [], url?: string): Promise<Answer> =>
  (await post(request(method, params), url)).body as Answer;

const logsOf = async (filter: object, url?: string): Promise<RpcLog[]> =>
  (await call('eth_getLogs', [filter], url)).result as RpcLog[];

const truth = (from: number, to: number): RpcLog[] =>
  chainLogs(simulator.upstream, from, to + 1).map(({ log }) => log);
const range = (from: number, to: number) => ({ fromBlock: hex(from), toBlock: hex(to) });

const command = (body: unknown): Promise<Response> =>
  fetch(`http://127.0.0.1:${simulator.port}/__control`, { method: 'POST', body: JSON.stringify(body) });

test('three nodes of one chain: its id, its head, its blocks by number, tag and hash', async () => {
  for (const url of simulator.polygonUrls) {
    expect((await call('eth_chainId', [], url)).result).toBe('0x89');
    expect((await call('eth_blockNumber', [], url)).result).toBe(hex(head));
    const block = (await call('eth_getBlockByNumber', ['latest', false], url)).result as Record<
      string,
      unknown
    >;
    const { hash, parentHash, timestamp } = simulator.upstream.chainHead();
    expect(block).toMatchObject({ number: hex(head), hash, parentHash, timestamp: hex(timestamp) });
    expect(block['transactions']).toEqual([]);
    expect((await call('eth_getBlockByNumber', ['finalized', false], url)).result).toMatchObject({
      number: hex(head - 3),
    });
    expect((await call('eth_getBlockByHash', [hash, false], url)).result).toEqual(block);
    expect((await call('eth_getBlockByNumber', [hex(head + 1), false], url)).result).toBeNull();
  }
  expect((await call('eth_sendRawTransaction')).error?.code).toBe(-32601);
  expect((await call('eth_getBlockByNumber', ['0x01', false])).error?.code).toBe(-32602);
});

test('logs by range, address, topics and block hash, in the order of the chain', async () => {
  const all = await logsOf(range(first, head + 100));
  expect(all).toEqual(JSON.parse(JSON.stringify(truth(first, head))));
  expect(new Set(all.map(({ address }) => address)).size).toBe(5);
  const address = KNOWN_EXCHANGES.filter(({ version }) => version === 2).map((one) => one.address);
  const some = await logsOf({ ...range(first, head), address, topics: [[V2_TOPIC]] });
  expect(some).toEqual(all.filter((log) => address.includes(log.address)));
  const maker = some[0]?.topics[2] ?? '';
  expect(await logsOf({ ...range(first, head), topics: [V2_TOPIC, null, [maker, maker]] })).toEqual(
    all.filter(({ topics }) => topics[0] === V2_TOPIC && topics[2] === maker),
  );
  const { hash } = simulator.upstream.block(head - 5);
  expect(await logsOf({ blockHash: hash })).toEqual(all.filter((log) => log['blockHash'] === hash));
  expect((await call('eth_getLogs', [{ blockHash: `0x${'0'.repeat(64)}` }])).error?.code).toBe(-32000);
  expect((await call('eth_getLogs', [range(head, first)])).error?.code).toBe(-32602);
});

test.each([
  ['infura', 200, -32602, 'range 11 exceeds limit of 10'],
  ['alchemy', 200, -32600, 'this block range should work: [FROM, TO]'],
  ['quicknode', 413, -32614, 'eth_getLogs is limited to a 10 range'],
  ['drpc', 200, 35, 'ranges over 10 blocks are not supported on freetier'],
  ['range', 200, -32000, 'query exceeds max block range 10'],
] as const)('too many blocks are refused in the words of %s', async (style, status, code, message) => {
  simulator.control.polygon.node = { ...simulator.control.polygon.node, style, maxBlocks: 10 };
  const answer = await post(request('eth_getLogs', [range(first, first + 10)]));
  const text = message.replace('FROM', hex(first)).replace('TO', hex(first + 9));
  expect([answer.status, answer.body]).toEqual([
    status,
    { jsonrpc: '2.0', id: 1, error: { code, message: expect.stringContaining(text) as string } },
  ]);
  expect(await logsOf(range(first, first + 9))).toHaveLength(truth(first, first + 9).length);
});

test('too many logs are refused with a range that works; a single block is always served', async () => {
  await command({ polygon: { node: { maxLogs: 200 } } });
  const refused = await call('eth_getLogs', [range(first, head)]);
  expect(refused.error?.code).toBe(-32005);
  const [, from, to] = /\[(0x[0-9a-f]+), (0x[0-9a-f]+)\]/.exec(refused.error?.message ?? '') ?? [];
  const served = await logsOf({ fromBlock: from, toBlock: to });
  expect(served.length).toBeGreaterThan(100);
  expect(served.length).toBeLessThanOrEqual(200);
  await command({ polygon: { node: { maxLogs: 1 } } });
  expect((await logsOf(range(first, first))).length).toBe(truth(first, first).length);
});

test('batches are answered element by element, up to what the node allows', async () => {
  const batch = [request('eth_chainId', [], 'a'), request('nonsense', [], 2), { no: 'request' }];
  expect((await post(batch)).body).toMatchObject([
    { id: 'a', result: '0x89' },
    { id: 2, error: { code: -32601 } },
    { id: null, error: { code: -32600 } },
  ]);
  await command({ polygon: { node: { maxBatch: 2 } }, polygon2: { node: { maxBatch: 0 } } });
  expect(await post(batch)).toMatchObject({
    status: 500,
    body: { error: { code: 31, message: expect.stringMatching(/^Batch of more than 2 requests/) as string } },
  });
  expect(await post([request('eth_chainId')], simulator.polygonUrls[1])).toMatchObject({ status: 500 });
  simulator.control.polygon3.failNext(1, { kind: 'rpcError', code: -32603, message: 'boom' });
  expect((await post(batch.slice(0, 2), simulator.polygonUrls[2])).body).toEqual([
    { jsonrpc: '2.0', id: 'a', error: { code: -32603, message: 'boom' } },
    { jsonrpc: '2.0', id: 2, error: { code: -32603, message: 'boom' } },
  ]);
});

test('a node can lag, lack logs and blocks, leave out times and tags, each for itself', async () => {
  const [healthy, lagging, holed] = simulator.polygonUrls;
  await command({
    polygon: { node: { logTimestamps: false, finalizedTag: false } },
    polygon2: { node: { behindBlocks: 10 } },
    polygon3: { node: { holes: 0.2, missingBlocks: [head - 4] } },
  });
  const all = truth(head - 20, head);
  const timeless = await logsOf(range(head - 20, head), healthy);
  expect(timeless).toHaveLength(all.length);
  expect(timeless.some((log) => 'blockTimestamp' in log)).toBe(false);
  expect((await call('eth_getBlockByNumber', ['finalized', false], healthy)).error?.message).toContain('tag');
  expect((await call('eth_blockNumber', [], lagging)).result).toBe(hex(head - 10));
  expect(await logsOf(range(head - 20, head), lagging)).toHaveLength(truth(head - 20, head - 10).length);
  const some = await logsOf(range(head - 20, head), holed);
  expect(some.length / all.length).toBeGreaterThan(0.6);
  expect(some.length / all.length).toBeLessThan(0.9);
  expect(await logsOf(range(head - 20, head), holed)).toEqual(some);
  expect(await logsOf(range(head - 4, head - 4), holed)).toEqual([]);
  expect((await call('eth_getBlockByNumber', [hex(head - 4), false], holed)).result).toBeNull();
  simulator.control.polygon3.heal();
  expect(await logsOf(range(head - 20, head), holed)).toHaveLength(all.length);
});

test('faults that mean something to a node work, the others are refused', async () => {
  const { polygon } = simulator.control;
  polygon.failNext(1, { kind: 'empty' });
  expect(await logsOf(range(first, head))).toEqual([]);
  polygon.failNext(1, { kind: 'behind', seconds: 20 });
  expect((await call('eth_blockNumber')).result).toBe(hex(head - 10));
  for (const fault of [{ kind: 'ignoresCursor' }, { kind: 'graphql', message: 'x' }])
    expect((await command({ polygon: { fail: { fault } } })).status).toBe(400);
  const fault = { kind: 'rpcError', code: -32000, message: 'x' };
  expect((await command({ gamma: { fail: { fault } } })).status).toBe(400);
  expect((await command({ goldsky: { node: { holes: 1 } } })).status).toBe(400);
  expect((await command({ polygon: { node: { holes: 2 } } })).status).toBe(400);
  expect(() => polygon.failNext(1, { kind: 'ignoresCursor' })).toThrow(RangeError);
});

test('a reorganisation on request shows on every node, and the blocks still link', async () => {
  const before = await logsOf(range(head - 10, head));
  expect((await command({ reorg: { depth: 2 } })).status).toBe(200);
  const answers = await Promise.all(simulator.polygonUrls.map((url) => logsOf(range(head - 10, head), url)));
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  const final = (logs: RpcLog[] = []) => logs.filter((log) => Number(log.blockNumber) <= head - 2);
  expect(final(answers[0])).toEqual(final(before));
  expect(answers[0]).not.toEqual(before);
  let child: Record<string, unknown> | undefined;
  for (let number = head; number > head - 6; number--) {
    const block = (await call('eth_getBlockByNumber', [hex(number), false])).result as typeof child;
    if (child !== undefined) expect(child['parentHash']).toBe(block?.['hash']);
    child = block;
  }
});

test('the subgraph knows nothing of the V2 and V3 exchanges, and its head goes on', async () => {
  const query =
    '{ orderFilledEvents(first: 1, orderBy: timestamp, orderDirection: desc, where: { timestamp_gte: "0" }) { timestamp } _meta { block { timestamp } } }';
  const { body } = await post({ query }, simulator.goldskyUrl);
  const { data } = body as {
    data: { orderFilledEvents: { timestamp: string }[]; _meta: { block: { timestamp: number } } };
  };
  expect(Number(data.orderFilledEvents[0]?.timestamp)).toBe(NOW - 152);
  expect(data._meta.block.timestamp).toBeGreaterThan(NOW - 6);
});

interface HyperSyncAnswer {
  readonly data: { readonly blocks: Record<string, unknown>[]; readonly logs: Record<string, unknown>[] }[];
  readonly next_block: number;
  readonly archive_height: number;
}

test('HyperSync has the same logs, page by page, with a token', async () => {
  const address = KNOWN_EXCHANGES.map((one) => one.address);
  const ask = (query: object, headers: Record<string, string> = { authorization: 'Bearer token' }) =>
    fetch(`${simulator.hypersyncUrl}/query`, { method: 'POST', headers, body: JSON.stringify(query) });
  expect((await ask({ from_block: first }, {})).status).toBe(401);
  expect((await ask({ from_block: -1 })).status).toBe(400);

  const found: unknown[] = [];
  const times = new Map<unknown, unknown>();
  let from = first;
  const to = first + 50;
  while (from < to) {
    const response = await ask({
      from_block: from,
      to_block: to,
      logs: [{ address, topics: [[V2_TOPIC, ...topicsOfV1()]] }],
    });
    const answer = (await response.json()) as HyperSyncAnswer;
    expect(answer.archive_height).toBe(head);
    expect(answer.next_block - from).toBeLessThanOrEqual(20);
    from = answer.next_block;
    for (const { blocks, logs } of answer.data) {
      for (const block of blocks) times.set(block['number'], block['timestamp']);
      found.push(
        ...logs.map((log) => [log['block_number'], log['log_index'], log['topic2'] ?? null, log['data']]),
      );
    }
  }
  const wanted = truth(first, to - 1);
  expect(found).toEqual(
    wanted.map((log) => [Number(log.blockNumber), Number(log.logIndex), log.topics[2], log['data']]),
  );
  for (const log of wanted) expect(times.get(Number(log.blockNumber))).toBe(log['blockTimestamp']);

  const few = await ask({
    from_block: first,
    logs: [{ address }],
    max_num_logs: 1,
    field_selection: { log: ['address'] },
  });
  const { data, next_block: next } = (await few.json()) as HyperSyncAnswer;
  expect(next).toBe(first + 1);
  expect(data[0]?.logs.every((log) => Object.keys(log).join() === 'address')).toBe(true);
});

const topicsOfV1 = (): string[] => [
  ...new Set(truth(first, first + 20).map(({ topics }) => topics[0] ?? '')),
];
