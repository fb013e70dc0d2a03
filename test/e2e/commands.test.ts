import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { exampleMarket, exampleToken, exampleTrade } from '../support/examples.ts';
import { hasStack, logLines, WARN } from '../support/logLines.ts';
import { makeWorld, startWorkerProcess, untilCount } from '../support/pipeline.ts';
import { freePort, runProgram, temporaryFolder, type RunningProgram } from '../support/processes.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { testEnvironment } from '../support/world.ts';

const FROM = 1_720_000_000;

test('send-test: prints the latency of one event through the whole pipeline and leaves nothing behind', async () => {
  const trade = exampleTrade({ token: exampleToken('sent', 0), second: FROM });
  const { environment, database } = await makeWorld({
    rows: [trade],
    markets: [exampleMarket({ id: '700100', name: 'sent' })],
    from: FROM,
  });
  await startWorkerProcess(environment);
  await untilCount(database, `SELECT count() AS n FROM trades WHERE market_id = '700100'`, 1, 60_000);

  const sending = runProgram('src/cli/sendTest.ts', [], { env: environment });
  expect(await sending.exited, sending.output.stderr).toEqual({ code: 0, signal: null });
  expect(sending.output.stdout).toMatch(/was a trade in ClickHouse \d+ ms after it was sent, and is removed/);
  expect(sending.output.stderr).toBe('');
  for (const table of ['order_events', 'trades']) {
    expect(await database.rows(`SELECT id FROM ${table}`), table).toEqual([{ id: trade['id'] }]);
  }
  for (const table of ['unlabelled_tokens', 'quarantine']) {
    await untilCount(database, `SELECT count() AS n FROM ${table}`, 0, 5_000);
  }
  expect(await database.rows('SELECT DISTINCT source FROM coverage')).toEqual([{ source: 'goldsky' }]);
  const { queues } = new RedisWorld(environment);
  for (const queue of queues.all()) expect(await queue.getFailedCount(), queue.name).toBe(0);
}, 120_000);

test('doctor: a line each and exit 0 where all is well; the mend and exit 1 where it is not', async () => {
  const { environment, database } = await makeWorld({
    rows: [exampleTrade({ token: exampleToken('doctor', 0), second: FROM })],
    markets: [exampleMarket({ id: '700101', name: 'doctor' })],
    from: FROM,
  });
  const before = await doctor(environment);
  expect(before.code).toBe(1);
  expect(before.lines.filter((line) => line.startsWith('FAIL'))).toEqual([
    expect.stringMatching(/^FAIL {2}schema .*npm run schema\.$/),
  ]);

  await migrate(database);
  const well = await doctor(environment);
  expect(well.lines.map((line) => line.slice(0, 4))).toEqual(well.lines.map(() => 'ok  '));
  expect(well.lines.map(checked)).toEqual(
    expect.arrayContaining(['settings', 'redis', 'clickhouse', 'schema', 'gamma', 'goldsky']),
  );
  expect(well.code).toBe(0);

  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const bad = await doctor({
    ...environment,
    REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
    CLICKHOUSE_URL: nowhere,
    GAMMA_URL: nowhere,
    GOLDSKY_URL: nowhere,
  });
  expect(bad.code).toBe(1);
  const failed = bad.lines.filter((line) => line.startsWith('FAIL'));
  expect(failed.map(checked)).toEqual(['redis', 'clickhouse', 'schema', 'sources', 'gamma', 'goldsky']);
  expect(failed[0]).toContain('start it (npm run services) or set REDIS_URL');
  expect(hasStack(bad.lines.join('\n'))).toBe(false);
}, 120_000);

test.each([
  { file: 'workers/main.ts', setting: { ORDERS_POLL_MS: 'soon' }, names: 'ORDERS_POLL_MS=soon' },
  { file: 'workers/main.ts', setting: { WRITE_BATCH_ROWS: '0' }, names: 'WRITE_BATCH_ROWS=0' },
  { file: 'src/dashboard/main.ts', setting: { DASHBOARD_PORT: '70000' }, names: 'DASHBOARD_PORT=70000' },
  { file: 'src/cli/doctor.ts', setting: { CLICKHOUSE_URL: 'localhost' }, names: 'CLICKHOUSE_URL=' },
  { file: 'src/cli/sendTest.ts', setting: { ORDER_SOURCES: 'moon' }, names: 'ORDER_SOURCES=moon' },
])(
  '$file with $names…: one line that names it, exit 1',
  async ({ file, setting, names }) => {
    const program = runProgram(file, [], { env: { ...testEnvironment(), ...setting } });
    expect(await program.exited).toEqual({ code: 1, signal: null });
    expect(program.output.stderr).toMatch(/^[a-z-]+: .* is not allowed: it must be .*\n$/);
    expect(program.output.stderr).toContain(names);
    expect(program.output.stdout).toBe('');
  },
  30_000,
);

test('--queues with what is no queue: one line that lists them', async () => {
  const program = runProgram('workers/main.ts', ['--queues=orders,moon'], { env: testEnvironment() });
  expect(await program.exited).toEqual({ code: 1, signal: null });
  expect(program.output.stderr).toMatch(
    /^workers: --queues=orders,moon is not allowed: .*orders, writes\.\n$/,
  );
}, 30_000);

test('a worker that finds neither Redis nor ClickHouse: a line each, tries on, starts when they come', async () => {
  const { environment } = await makeWorld({ rows: [], markets: [], from: FROM });
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  await proxy.down();
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const away = { ...environment, CLICKHOUSE_URL: proxy.url, REDIS_URL: redisUrl, LOG_LEVEL: 'info' };
  const worker = runProgram('workers/main.ts', [], { env: away });
  await Promise.all([worker.said('ClickHouse does not answer'), saidAgain(worker, 'Redis does not answer')]);
  // Several tries later there is still one line each.
  await sleep(4_000);
  expect(warnings(worker)).toEqual([
    expect.stringMatching(/^(Redis|ClickHouse) does not answer at \S+ \(.*\): trying again until it does\.$/),
    expect.stringMatching(/^(Redis|ClickHouse) does not answer at \S+ \(.*\): trying again until it does\.$/),
  ]);
  expect(hasStack(worker.output.stdout + worker.output.stderr)).toBe(false);

  await proxy.up();
  await saidAgain(worker, 'brought up to date');
  const redis = runProgram('src/cli/services.ts', [], {
    env: { ...environment, REDIS_URL: redisUrl, EMBEDDED: 'auto', DATA_DIR: temporaryFolder() },
  });
  await worker.said('Working on');
  worker.child.kill('SIGTERM');
  expect(await worker.exited, worker.output.stderr).toEqual({ code: 0, signal: null });
  redis.child.kill('SIGTERM');
  expect(await redis.exited).toEqual({ code: 0, signal: null });
}, 120_000);

test.each(['redis', 'clickhouse'] as const)(
  'SIGTERM while a worker waits for %s: a clean stop',
  async (missing) => {
    const nowhere = `127.0.0.1:${await freePort()}`;
    const worker = runProgram('workers/main.ts', [], {
      env: {
        ...testEnvironment(
          missing === 'redis' ? { REDIS_URL: `redis://${nowhere}` } : { CLICKHOUSE_URL: `http://${nowhere}` },
        ),
        LOG_LEVEL: 'info',
      },
    });
    await worker.said('does not answer');
    // With ClickHouse there, the schema is applied first; then it waits for Redis.
    if (missing === 'redis') await saidAgain(worker, 'brought up to date');
    const told = Date.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exited, worker.output.stderr).toEqual({ code: 0, signal: null });
    expect(Date.now() - told).toBeLessThan(20_000);
    expect(worker.output.stderr).toBe('');
  },
  60_000,
);

/** The name of what a line of the doctor is about. */
function checked(line: string): string {
  return line.slice(6).split('  ')[0]?.trim() ?? '';
}

async function doctor(
  environment: Record<string, string>,
): Promise<{ code: number | null; lines: string[] }> {
  const program = runProgram('src/cli/doctor.ts', [], {
    env: { ...environment, DATA_DIR: temporaryFolder() },
  });
  const { code } = await program.exited;
  expect(program.output.stderr).toBe('');
  return { code, lines: program.output.stdout.trim().split('\n') };
}

/** `said` follows one text at a time; this one asks. */
async function saidAgain(program: RunningProgram, text: string): Promise<void> {
  await expect.poll(() => program.output.stdout, { timeout: 30_000 }).toContain(text);
}

function warnings({ output }: RunningProgram): string[] {
  return logLines(output.stdout)
    .filter((line) => line.level >= WARN)
    .map((line) => line.msg);
}
