import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { sendSignal } from '../../src/embedded/processes.ts';
import { startOutageProxy } from '../support/outageProxy.ts';
import { makeWorld, startWorkerProcess, untilComplete, untilCount } from '../support/pipeline.ts';
import { PrivateRedis } from '../support/privateRedis.ts';
import type { RunningProgram } from '../support/processes.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';

/** A worker process with work in its hands: the subgraph, ClickHouse or Redis has stopped answering under it. */
async function workerInTrouble(hung: 'subgraph' | 'clickhouse' | 'redis') {
  const recording = makeRecording({ events: 3_000, seed: 61, bursts: 0 });
  const redis = await PrivateRedis.start();
  const { environment, database, simulator } = await makeWorld(recording, { REDIS_URL: redis.url });
  simulator.control.goldsky.latencyMs = 200;
  const clickhouse = new URL(environment['CLICKHOUSE_URL'] ?? '');
  const proxy = await startOutageProxy({ host: clickhouse.hostname, port: Number(clickhouse.port) });
  const worker = await startWorkerProcess({
    ...environment,
    CLICKHOUSE_URL: `http://127.0.0.1:${proxy.port}`,
  });
  await untilCount(database, 'SELECT count() >= 900 AS n FROM order_events', 1, 30_000);
  const signalRedis = (signal: NodeJS.Signals) => void sendSignal(redis.pid ?? 0, signal);
  const { queues } = new RedisWorld(environment);
  const active = (name: 'fetch.goldsky' | 'orders') => () => queues.get(name).getActiveCount();
  if (hung === 'subgraph') {
    const before = simulator.control.goldsky.counts.count;
    simulator.control.goldsky.failNext(1_000, { kind: 'hang' });
    await expect.poll(() => simulator.control.goldsky.counts.count).toBeGreaterThan(before);
    await expect.poll(active('fetch.goldsky')).toBeGreaterThan(0);
  } else if (hung === 'clickhouse') {
    proxy.hang();
    await expect.poll(active('orders'), { timeout: 20_000 }).toBeGreaterThan(0);
  } else {
    signalRedis('SIGSTOP');
    onTestFinished(() => signalRedis('SIGCONT'));
  }
  const heal = async () => {
    simulator.control.goldsky.heal();
    signalRedis('SIGCONT');
    await proxy.up();
  };
  /** Another worker, once all is well again, has everything. */
  const expectWhole = async () => {
    await heal();
    await startWorkerProcess(environment);
    await untilComplete(database, recording, 60_000);
    await expectExactly(database, recording);
  };
  return { worker, queues, expectWhole };
}

async function ends(worker: RunningProgram, withinMs: number) {
  const told = Date.now();
  const end = await worker.exited;
  expect(Date.now() - told).toBeLessThan(withinMs);
  return end;
}

test.each([
  { hung: 'subgraph', signal: 'SIGTERM' },
  { hung: 'clickhouse', signal: 'SIGINT' },
  { hung: 'redis', signal: 'SIGTERM' },
] as const)(
  '$signal while $hung does not answer: exit 0 within 20 s, and nothing of what was held is lost',
  async ({ hung, signal }) => {
    const { worker, queues, expectWhole } = await workerInTrouble(hung);
    worker.child.kill(signal);
    expect(await ends(worker, 20_000)).toEqual({ code: 0, signal: null });
    expect(worker.output.stderr).toBe('');
    // Handed back, not left to a lock that runs out.
    if (hung === 'subgraph') expect(await queues.get('fetch.goldsky').getActiveCount()).toBe(0);
    await expectWhole();
  },
  120_000,
);

test('a second signal ends a worker at once that waits for ClickHouse; nothing of what it held is lost', async () => {
  const { worker, expectWhole } = await workerInTrouble('clickhouse');
  worker.child.kill('SIGTERM');
  await worker.said('Stopping');
  // Within the first second it counts as the same signal, passed on twice.
  await sleep(1_100);
  worker.child.kill('SIGTERM');
  expect(await ends(worker, 2_000)).toEqual({ code: 143, signal: null });
  await expectWhole();
}, 120_000);
