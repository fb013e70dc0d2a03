import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, inject, onTestFinished, test } from 'vitest';
import { endpoint } from '../../src/base/config.ts';
import { waitUntil } from '../../src/embedded/probe.ts';
import { freePort, runProgram } from '../support/processes.ts';
import { startOutageProxy } from '../support/outageProxy.ts';
import { testEnvironment, type Environment } from '../support/world.ts';

const MAIN = 'src/dashboard/main.ts';

/** The dashboard as its own process; resolves with its address once it serves. */
async function startProcess(overrides: Environment) {
  const program = runProgram(MAIN, [], {
    env: testEnvironment({ LOG_LEVEL: 'info', ...overrides }),
    ipc: true,
  });
  const [message] = (await once(program.child, 'message')) as [{ ready: true; url: string }];
  return { program, url: message.url };
}

interface SomeStatus {
  readonly queues: { readonly orders: { readonly waiting: number | null } };
  readonly tables: { readonly trades: number | null };
  readonly services: { readonly redis: boolean; readonly clickhouse: boolean };
  readonly problems: readonly string[];
}

/** Every page answers, each within 2 s (and what the machine adds to it), whatever is away. */
async function look(url: string) {
  const timed = async (path: string) => {
    const startedAt = performance.now();
    const response = await fetch(new URL(path, url));
    const text = await response.text();
    expect({ path, slow: performance.now() - startedAt > 4_000 }).toEqual({ path, slow: false });
    return { status: response.status, text };
  };
  const status = await timed('/api/status');
  const page = await timed('/');
  const ready = await timed('/readyz');
  const healthy = await timed('/healthz');
  const metrics = await timed('/metrics');
  const board = await timed('/admin/queues/api/queues');
  expect([status, page, healthy, metrics].map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
  return { ready, board, page: page.text, ...(JSON.parse(status.text) as SomeStatus) };
}

test('starts without Redis and ClickHouse, says so, finds them, and survives their going and hanging', async () => {
  const redis = await startOutageProxy(endpoint(inject('redisUrl')));
  const clickhouse = await startOutageProxy(endpoint(inject('clickhouseUrl')));
  await Promise.all([redis.down(), clickhouse.down()]);
  const { program, url } = await startProcess({
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    CLICKHOUSE_URL: `http://127.0.0.1:${clickhouse.port}`,
  });
  const untilReadyIs = (status: number) =>
    waitUntil(async () => (await fetch(new URL('/readyz', url))).status === status, {
      timeoutMs: 30_000,
      intervalMs: 100,
    });

  const before = await look(url);
  expect(before.services).toEqual({ redis: false, clickhouse: false });
  expect(before.queues.orders.waiting).toBeNull();
  expect(before.tables.trades).toBeNull();
  expect(before.problems).toEqual([
    `Redis does not answer at redis://127.0.0.1:${redis.port}: queues and jobs cannot be read now.`,
    `ClickHouse does not answer at http://127.0.0.1:${clickhouse.port}: row counts and coverage cannot be read now.`,
  ]);
  expect(before.page).toContain(before.problems[0]);
  expect(before.ready).toEqual({ status: 503, text: `${before.problems.join(' ')}\n` });
  expect(before.board.status).toBe(503);

  await Promise.all([redis.up(), clickhouse.up()]);
  await untilReadyIs(200);
  const up = await look(url);
  expect(up).toMatchObject({
    queues: { orders: { waiting: 0 } },
    tables: { trades: 0 },
    problems: [],
    ready: { status: 200 },
    board: { status: 200 },
  });

  redis.hang();
  clickhouse.hang();
  await untilReadyIs(503);
  const hanging = await look(url);
  expect(hanging.services).toEqual({ redis: false, clickhouse: false });
  expect(hanging.board.status).toBe(503);
  // The last known numbers stay.
  expect(hanging.tables.trades).toBe(0);
  expect(hanging.queues.orders.waiting).toBe(0);

  await Promise.all([redis.up(), clickhouse.up()]);
  await untilReadyIs(200);
  expect((await look(url)).problems).toEqual([]);

  await Promise.all([redis.down(), clickhouse.down()]);
  const startedAt = performance.now();
  program.child.kill('SIGTERM');
  expect(await program.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(program.output.stderr).toBe('');
  expect(program.output.stdout).toContain(`Dashboard: ${url}`);
  expect(program.output.stdout).not.toMatch(/\n +at /);
});

test('a port in use is one line that names it and the setting', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const program = runProgram(MAIN, [], { env: testEnvironment({ DASHBOARD_PORT: String(port) }) });
  expect((await program.exited).code).toBe(1);
  expect(program.output.stderr).toMatch(
    new RegExp(`^dashboard: Port ${port} of 127\\.0\\.0\\.1 is in use .*DASHBOARD_PORT.*\\n$`),
  );
});

test.each([
  {
    environment: { DASHBOARD_HOST: '0.0.0.0' },
    line: /DASHBOARD_HOST=0\.0\.0\.0 .*DASHBOARD_USER and DASHBOARD_PASSWORD/,
  },
  {
    environment: { DASHBOARD_HOST: '0.0.0.0', DASHBOARD_USER: 'ops' },
    line: /DASHBOARD_HOST=0\.0\.0\.0 .*DASHBOARD_USER and DASHBOARD_PASSWORD/,
  },
  { environment: { DASHBOARD_USER: 'ops' }, line: /DASHBOARD_USER is set without DASHBOARD_PASSWORD/ },
  { environment: { DASHBOARD_PASSWORD: 'x' }, line: /DASHBOARD_PASSWORD is set without DASHBOARD_USER/ },
])('refuses to start open to others: $environment', async ({ environment, line }) => {
  const program = runProgram(MAIN, [], {
    env: testEnvironment({ ...(environment as Environment), DASHBOARD_PORT: String(await freePort()) }),
  });
  expect((await program.exited).code).toBe(1);
  expect(program.output.stderr).toMatch(line);
  expect(program.output.stderr.split('\n')).toHaveLength(2);
});

test('--help names its settings', async () => {
  const program = runProgram(MAIN, ['--help']);
  expect((await program.exited).code).toBe(0);
  expect(program.output.stdout).toMatch(/npm run dashboard[\s\S]*DASHBOARD_PORT +\[8000\]/);
});
