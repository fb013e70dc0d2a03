import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecordedExchange } from '../../src/simulator/recorded.ts';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';

const QUERY = JSON.stringify({ query: '{ orderFilledEvents { id } }' });
const ROW = { id: '0x1_0x1', timestamp: '100' };

let simulator: Simulator;
beforeEach(async () => {
  simulator = await startSimulator({
    upstream: new RecordedExchange({
      events: [ROW],
      markets: [{ id: '1', conditionId: '0x1', closed: false }],
    }),
  });
});
afterEach(() => simulator.close());

const orders = (init: RequestInit = {}): Promise<Response> =>
  fetch(simulator.goldskyUrl, { method: 'POST', body: QUERY, ...init });
const markets = (): Promise<Response> => fetch(`${simulator.gammaUrl}/markets/keyset`);
const command = (body: unknown): Promise<Response> =>
  fetch(`http://127.0.0.1:${simulator.port}/__control`, { method: 'POST', body: JSON.stringify(body) });

test('each fault meets as many requests as asked, then all is well', async () => {
  const { goldsky } = simulator.control;
  goldsky.failNext(2, { kind: 'status', status: 503, retryAfter: 7 });
  for (let i = 0; i < 2; i++) {
    const response = await orders();
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7']);
  }
  goldsky.failNext(1, { kind: 'html' });
  expect(await (await orders()).text()).toContain('<html>');
  goldsky.failNext(1, { kind: 'truncated' });
  await expect((await orders()).json()).rejects.toThrow(SyntaxError);
  goldsky.failNext(1, { kind: 'graphql', message: 'Query timed out' });
  expect(await (await orders()).json()).toEqual({ errors: [{ message: 'Query timed out' }] });
  goldsky.failNext(1, { kind: 'reset' });
  await expect(orders()).rejects.toThrow('fetch failed');
  goldsky.failNext(1, { kind: 'hang' });
  await expect(orders({ signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/);
  expect(await (await orders()).json()).toEqual({ data: { orderFilledEvents: [{ id: ROW.id }] } });
  expect(goldsky.counts).toEqual({ count: 8, byStatus: { 0: 2, 200: 4, 503: 2 } });
  expect((await markets()).status).toBe(200);
});

test('an answer can be well-formed and wrong: empty, from a node that lags, from the start', async () => {
  const row = (second: number) => ({ id: `0x${second}_0x1`, timestamp: String(second) });
  const exchange = simulator.upstream as RecordedExchange;
  exchange.addEvents([row(110), row(120), row(130)]);
  const { gamma, goldsky } = simulator.control;
  const after = async (where: object) => {
    const query = `query($where: OrderFilledEvent_filter) {
      orderFilledEvents(orderBy: timestamp, where: $where) { timestamp } _meta { block { timestamp } } }`;
    const body = JSON.stringify({ query, variables: { where } });
    const response = await fetch(simulator.goldskyUrl, { method: 'POST', body });
    const { data } = (await response.json()) as {
      data: { orderFilledEvents: { timestamp: string }[]; _meta: { block: { timestamp: number } } };
    };
    return [data._meta.block.timestamp, ...data.orderFilledEvents.map((event) => Number(event.timestamp))];
  };
  goldsky.failNext(1, { kind: 'empty' });
  expect(await after({ timestamp_gt: '100' })).toEqual([130]);
  goldsky.failNext(1, { kind: 'behind', seconds: 5 });
  expect(await after({ timestamp_gt: '100' })).toEqual([125, 110, 120]);
  goldsky.failNext(2, { kind: 'ignoresCursor' });
  expect(await after({ timestamp_gt: '115', timestamp_lt: '125' })).toEqual([130, 100, 110, 120]);
  expect(await after({ timestamp: '120', id_gt: '0x120_0x1' })).toEqual([130, 120]);
  expect(await after({ timestamp_gt: '115' })).toEqual([130, 120, 130]);

  gamma.failNext(1, { kind: 'empty' });
  expect(await (await markets()).json()).toEqual({ markets: [] });
  exchange.addMarkets([{ id: '2', conditionId: '0x2', closed: false }]);
  const page = async (cursor: string) =>
    (await (
      await fetch(`${simulator.gammaUrl}/markets/keyset?limit=1&after_cursor=${cursor}`)
    ).json()) as object;
  const first = (await page('')) as { next_cursor: string };
  gamma.failNext(1, { kind: 'ignoresCursor' });
  expect(await page(first.next_cursor)).toEqual(first);
  expect(await page(first.next_cursor)).toMatchObject({ markets: [{ id: '2' }] });
});

test('a fault can pick its requests', async () => {
  simulator.control.gamma.failNext(1, { kind: 'status', status: 500 }, '/markets/7');
  expect((await markets()).status).toBe(200);
  expect((await fetch(`${simulator.gammaUrl}/markets/7`)).status).toBe(500);
});

test('beyond the limit 429, with or without Retry-After, until the window has passed', async () => {
  const { gamma } = simulator.control;
  gamma.limit = { requests: 3, windowMs: 60_000, retryAfter: true };
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push((await markets()).status);
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
  expect(Number((await markets()).headers.get('retry-after'))).toBeGreaterThan(50);
  gamma.limit = { requests: 3, windowMs: 60_000, retryAfter: false };
  const refused = await markets();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, null]);
  const admittedAt = gamma.requests.filter(({ status }) => status === 200).map(({ at }) => at);
  expect(gamma.admit(Math.max(...admittedAt) + 60_000)).toBe(0);
  gamma.heal();
  expect((await markets()).status).toBe(200);
});

test('the control endpoint does the same from another process', async () => {
  expect(
    (await command({ goldsky: { fail: { times: 1, fault: { kind: 'status', status: 429 } } } })).status,
  ).toBe(200);
  expect((await orders()).status).toBe(429);
  const added = await command({
    addEvents: [{ id: '0x2_0x2', timestamp: '200' }],
    addMarkets: [{ id: '2' }],
    removeEvents: [ROW.id],
  });
  expect(added.status).toBe(200);
  expect(await (await orders()).json()).toEqual({ data: { orderFilledEvents: [{ id: '0x2_0x2' }] } });
  expect(await (await markets()).json()).toMatchObject({ markets: [{ id: '1' }, { id: '2' }] });
  await command({ gamma: { latencyMs: 150 } });
  const before = performance.now();
  await markets();
  expect(performance.now() - before).toBeGreaterThan(140);
  expect((await command({ gamma: { nonsense: 1 } })).status).toBe(400);
  const counts = await (await fetch(`http://127.0.0.1:${simulator.port}/__requests`)).json();
  const none = { count: 0, byStatus: {} };
  expect(counts).toEqual({
    polygon: none,
    polygon2: none,
    polygon3: none,
    hypersync: none,
    gamma: { count: 2, byStatus: { 200: 2 } },
    goldsky: { count: 2, byStatus: { 200: 1, 429: 1 } },
  });
});

test('a taken port is one clear error', async () => {
  await expect(startSimulator({ port: simulator.port })).rejects.toThrow(
    `cannot listen on port ${simulator.port}`,
  );
});

interface Ready {
  readonly port: number;
  readonly gammaUrl: string;
  readonly goldskyUrl: string;
}

async function launch(args: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/simulator/main.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const exit = once(child, 'exit');
  if (child.stdout === null) throw new Error('the process has no stdout');
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), exit])) as [unknown];
  return { child, exit, line: String(line) };
}

test('the process replays a recording and ends at SIGTERM with 0', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'simulator-'));
  try {
    const header =
      'timestamp,maker,makerAssetId,makerAmountFilled,taker,takerAssetId,takerAmountFilled,transactionHash\n';
    await writeFile(join(folder, 'e.csv'), `${header}1704422184,0xaa,0,84,0xbb,77,200,0x01\n`);
    await writeFile(
      join(folder, 'm.json'),
      '[{"id":"7","conditionId":"0x1","closed":false,"clobTokenIds":"[\\"77\\"]"}]',
    );
    const { child, exit, line } = await launch([
      '--events',
      join(folder, 'e.csv'),
      '--markets',
      join(folder, 'm.json'),
    ]);
    const { gammaUrl, goldskyUrl } = JSON.parse(line) as Ready;
    const body = JSON.stringify({
      query: '{ orderFilledEvents { maker takerAmountFilled } _meta { block { timestamp } } }',
    });
    expect(await (await fetch(goldskyUrl, { method: 'POST', body })).json()).toEqual({
      data: {
        orderFilledEvents: [{ maker: '0xaa', takerAmountFilled: '200' }],
        _meta: { block: { timestamp: 1704422184 } },
      },
    });
    expect(await (await fetch(`${gammaUrl}/markets?clob_token_ids=77`)).json()).toMatchObject([{ id: '7' }]);
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the process ends when the one that started it lets go of it', async () => {
  const { child, exit } = await launch(['--rate', '5', '--history-seconds', '60', '--goldsky-limit', '50']);
  child.disconnect();
  expect(await exit).toEqual([0, null]);
});

test('a wrong argument ends the process with one line', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/simulator/main.ts', '--rate', 'many'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect([code, errors]).toEqual([
    1,
    expect.stringMatching(/^--rate=many is not allowed: it must be a number .*\n$/),
  ]);
});
