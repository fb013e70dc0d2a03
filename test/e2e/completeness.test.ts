import { expect, onTestFinished, test } from 'vitest';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { Database } from '../../src/store/clickhouse.ts';
import {
  makeWorld,
  startWorkerProcess,
  startWorkersHere,
  untilComplete,
  untilCount,
} from '../support/pipeline.ts';
import { endedCommand as command, startCommand as start } from '../support/commands.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

test('events and their coverage are lost: coverage says so, backfill --gaps fetches them, all is exact again', async () => {
  const recording = makeRecording({ events: 3_000, seed: 31, bursts: 1, burstSize: 1_200 });
  const { environment, database } = await makeWorld(recording);
  const first = await startWorkerProcess(environment);
  await untilComplete(database, recording, 60_000);
  first.child.kill('SIGTERM');
  await first.exited;

  const middle = Math.round((recording.from + recording.to) / 2);
  await lose(database, middle - 20, middle + 20);
  const before = await command('coverage', ['--source', 'goldsky'], environment);
  expect(before.code).toBe(1);
  expect(before.stdout).toMatch(/^Gap: 2024-\S+ \S+( \(0x\w+…\))? → .*, lost\.$/m);
  expect(before.stdout).toMatch(/goldsky is not complete up to .*: 1 gap .*npm run backfill -- --gaps/);

  // Without ticks the gap is not repaired by itself.
  await startWorkerProcess(environment, ['--queues=fetch.goldsky,fetch.gamma,markets,orders,writes']);
  const filling = await command('backfill', ['--gaps'], environment);
  expect(filling).toMatchObject({ code: 0, stderr: '' });
  expect(filling.stdout).toMatch(/^Covered the gap of goldsky \(.*\): [\d,]+ events in .*\.$/m);

  const after = await command('coverage', ['--json'], environment);
  expect(after.code).toBe(0);
  expect(JSON.parse(after.stdout)).toMatchObject([{ source: 'goldsky', complete: true, gapCount: 0 }]);
  await untilComplete(database, recording, 30_000);
  await expectExactly(database, recording);
}, 180_000);

test('a backfill without a pipeline says in a line what it waits for, and stops at once when told', async () => {
  const environment = testEnvironment();
  const waiting = start('backfill', ['--source', 'goldsky', '--from', '2024-01-01'], environment);
  await waiting.said('The live tail of goldsky has not begun yet: waiting for a worker');
  waiting.child.kill('SIGINT');
  expect(await waiting.exited).toEqual({ code: 0, signal: null });
  expect(waiting.output.stdout.trim().split('\n')).toHaveLength(2);
  expect(waiting.output.stderr).toBe('');
}, 60_000);

test('a backfill is stopped, Redis is emptied under the next one, its worker dies: the same command ends it, exactly', async () => {
  const recording = makeRecording({ events: 9_000, seed: 32 });
  const tail = recording.to - 20;
  const { environment, database, simulator } = await makeWorld(recording, { GOLDSKY_START: String(tail) });
  const redis = new RedisWorld(environment);
  const worker = await startWorkerProcess(environment);
  await untilCovered(database, recording.to);

  // Slow enough for all of it to fall into the run.
  simulator.control.goldsky.latencyMs = 500;
  const given = ['--source', 'goldsky', '--from', String(recording.from), '--to', String(tail)];
  const stopped = start('backfill', given, environment);
  const early = await untilMoreThan(database, 500);
  stopped.child.kill('SIGINT');
  expect(await stopped.exited, stopped.output.stderr).toEqual({ code: 0, signal: null });
  expect(stopped.output.stdout).toContain('the same command fetches the rest');
  expect(early).toBeLessThan(recording.expected.orderEvents.size);

  const emptied = start('backfill', given, environment);
  await untilMoreThan(database, early + 500);
  await redis.empty();
  worker.child.kill('SIGKILL');
  await worker.exited;
  simulator.control.goldsky.latencyMs = 0;
  await startWorkerProcess(environment);
  expect(await emptied.exited, emptied.output.stderr).toEqual({ code: 0, signal: null });
  expect(emptied.output.stdout).toMatch(
    /^Covered goldsky 2024-\S+ \S+ → 2024-\S+ \S+ UTC: [\d,]+ events in .*\.$/m,
  );

  expect((await command('coverage', [], environment)).code).toBe(0);
  await untilComplete(database, recording, 60_000);
  await expectExactly(database, recording);
}, 240_000);

test('older events are filled beside the live tail, by two runs at once: exact, and fetched once', async () => {
  const now = Math.floor(Date.now() / 1000);
  const [from, tail] = [now - 420, now - 20];
  const exchange = new SimulatedExchange({ start: from, eventsPerSecond: 25, burstProbability: 0 });
  const simulator = await startSimulator({ upstream: exchange });
  const environment = testEnvironment({
    GAMMA_URL: simulator.gammaUrl,
    GOLDSKY_URL: simulator.goldskyUrl,
    GOLDSKY_START: String(tail),
  });
  const database = new Database(testConfig(environment).clickhouse);
  onTestFinished(async () => {
    await simulator.close();
    await database.close();
  });
  startWorkersHere(environment);
  await untilCovered(database, tail + 1);

  const given = ['--source=goldsky', '--from', String(from), '--to', String(tail)];
  const runs = [start('backfill', given, environment), start('backfill', given, environment)];
  for (const run of runs) expect(await run.exited, run.output.stderr).toEqual({ code: 0, signal: null });

  const to = await coveredTo(database);
  const expected = [...exchange.events({ from, to: to - 1 })].map(({ id }) => id).toSorted();
  const stored = await database.rows<{ id: string }>(
    'SELECT id FROM order_events WHERE timestamp >= toDateTime({from:UInt32}) AND timestamp < toDateTime({to:UInt32}) ORDER BY id',
    { from, to },
  );
  expect(stored.map(({ id }) => id)).toEqual(expected);
  const [read] = await database.rows<{ events: string }>(
    'SELECT sum(events) AS events FROM coverage WHERE to_position <= {tail:UInt64}',
    { tail },
  );
  const older = [...exchange.events({ from, to: tail - 1 })].length;
  expect(Number(read?.events)).toBeLessThan(older * 1.2);
  expect((await command('coverage', [], environment)).code).toBe(0);
}, 240_000);

/** Takes events and the coverage of their time away, as a bad restore or a wrong hand would. */
async function lose(database: Database, from: number, to: number): Promise<void> {
  const now = 'SETTINGS mutations_sync = 2';
  await database.run(
    `ALTER TABLE covered_range_versions DELETE WHERE from_position < {to:UInt64} AND to_position > {from:UInt64} ${now}`,
    { from, to },
  );
  const [gap] = await database.rows<{ from: string; to: string }>(
    'SELECT min(from_position) AS from, max(to_position) AS to FROM coverage_gaps',
  );
  await database.run(
    `ALTER TABLE order_event_versions DELETE
     WHERE timestamp > toDateTime({from:UInt32}) AND timestamp < toDateTime({to:UInt32}) ${now}`,
    { from: Number(gap?.from), to: Number(gap?.to) },
  );
}

async function coveredTo(database: Database): Promise<number> {
  const [row] = await database.rows<{ position: string }>(
    'SELECT max(to_position) AS position FROM coverage',
  );
  return Number(row?.position);
}

async function untilCovered(database: Database, second: number): Promise<void> {
  await untilCount(database, `SELECT max(to_position) >= ${second} AS n FROM coverage`, 1, 60_000);
}

/** @returns the number of order events then */
async function untilMoreThan(database: Database, events: number): Promise<number> {
  await untilCount(database, `SELECT count() > ${events} AS n FROM order_events`, 1, 60_000);
  const [row] = await database.rows<{ n: string }>('SELECT count() AS n FROM order_events');
  return Number(row?.n);
}
