import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { coveredEnd } from '../../src/store/coverage.ts';
import type { Database } from '../../src/store/clickhouse.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { makeWorld, startWorkerProcess, untilComplete, untilCount } from '../support/pipeline.ts';
import { makeRecording, type Recording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';

test('SIGTERM at any moment, several times: each exit is clean, and the result is exact', async () => {
  const recording = makeRecording({ events: 30_000, seed: 5 });
  const { environment, database, simulator } = await makeWorld(recording);
  // Slow enough for all the restarts to fall into the run.
  simulator.control.goldsky.latencyMs = 250;
  const moments = [40, 1_370, 610, 2_050, 980];
  for (const moment of moments) {
    const worker = await startWorkerProcess(environment);
    // The moment is the test's input: nothing that follows depends on how long it was.
    await sleep(moment);
    const told = Date.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exited, worker.output.stderr).toEqual({ code: 0, signal: null });
    expect(Date.now() - told).toBeLessThan(20_000);
    expect(worker.output.stderr).toBe('');
  }
  const [before] = await database.rows<{ n: string }>('SELECT count() AS n FROM order_events');
  expect(Number(before?.n)).toBeGreaterThan(0);
  expect(Number(before?.n)).toBeLessThan(recording.expected.orderEvents.size);

  simulator.control.goldsky.latencyMs = 0;
  await startWorkerProcess(environment);
  await untilComplete(database, recording, 60_000);
  await expectWhole(database, recording);
}, 180_000);

test('SIGKILL between an insert and its answer: the batch is done again within seconds, once', async () => {
  const recording = makeRecording({ events: 10_000, seed: 6 });
  const { environment, database } = await makeWorld(recording);
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  proxy.keepAnswers('order_event_versions');
  const landed = proxy.nextTrouble();
  const victim = await startWorkerProcess({ ...environment, CLICKHOUSE_URL: proxy.url });
  await landed;
  const { queues } = new RedisWorld(environment);
  const held = await queues.get('orders').getJobs(['active']);
  expect(held.length).toBeGreaterThan(0);
  victim.child.kill('SIGKILL');
  await victim.exited;

  await startWorkerProcess(environment);
  const restarted = Date.now();
  await untilComplete(database, recording, 60_000);
  // A lock of 6 s, and a check each 2.5 s that takes a job up the second time it finds it without.
  expect(Date.now() - restarted).toBeLessThan(20_000);
  await expectWhole(database, recording);
}, 120_000);

test('Redis is emptied under running workers: they go on from the coverage in ClickHouse, without a gap', async () => {
  const recording = makeRecording({ events: 30_000, seed: 7 });
  const { environment, database, simulator } = await makeWorld(recording, { MAX_QUEUED_PAGES: '1000' });
  simulator.control.goldsky.latencyMs = 100;
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const redis = new RedisWorld(environment);
  await startWorkerProcess({ ...environment, CLICKHOUSE_URL: proxy.url });
  await untilSome(database, 3_000);
  // Pages pile up behind a ClickHouse that refuses them, so that there is something to lose.
  proxy.refuseInserts('order_event_versions', 252);
  await proxy.nextTrouble();
  await untilWaiting(redis, 5);
  expect(await redis.empty()).toBeGreaterThan(10);
  proxy.heal();

  await untilComplete(database, recording, 90_000);
  await expectWhole(database, recording);
}, 180_000);

async function expectWhole(database: Database, recording: Recording): Promise<void> {
  await expectExactly(database, recording);
  // Coverage is complete a moment after the rows.
  await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 20_000);
  await expect
    .poll(async () => (await coveredEnd(database, 'goldsky'))?.position, { timeout: 20_000 })
    .toBe(recording.to);
}

async function untilSome(database: Database, rows: number): Promise<void> {
  await untilCount(database, `SELECT count() >= ${rows} AS n FROM order_events`, 1, 60_000);
}

/** Waits until that many pages are held up. */
async function untilWaiting({ queues }: RedisWorld, jobs: number): Promise<void> {
  await expect
    .poll(() => queues.get('orders').getJobCountByTypes('waiting', 'active', 'delayed', 'prioritized'), {
      timeout: 60_000,
    })
    .toBeGreaterThanOrEqual(jobs);
}
