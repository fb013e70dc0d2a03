import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { makeWorld, startWorkerProcess, untilComplete } from '../support/pipeline.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';

const BOUND = 20;
const WINDOW_MS = 10_000;

test('three replicas at once: same result, shared work, and the API bound holds over all of them together', async () => {
  const recording = makeRecording({ events: 40_000 });
  const { environment, database, simulator } = await makeWorld(recording, {
    GOLDSKY_REQUESTS_PER_10S: String(BOUND),
  });
  const redis = new RedisWorld(environment);
  const replicas = await Promise.all([1, 2, 3].map(() => startWorkerProcess(environment)));

  // Only the last few finished jobs are kept, so who did them is looked up while they are done.
  const complete = untilComplete(database, recording, 150_000);
  let running = true;
  void complete.finally(() => (running = false)).catch(() => undefined);
  const doneBy = { 'fetch.goldsky': new Map(), orders: new Map(), writes: new Map() };
  while (running) {
    for (const name of ['fetch.goldsky', 'orders', 'writes'] as const) {
      for (const [id, worker] of await redis.doneBy(name)) doneBy[name].set(id, worker);
    }
    await sleep(50);
  }
  await complete;
  await expectExactly(database, recording);
  expect(await database.rows('SELECT * FROM coverage_gaps')).toEqual([]);

  const pids = replicas.map((replica) => String(replica.pid)).sort();
  for (const [name, jobs] of Object.entries(doneBy)) {
    const byPid = [...jobs.values()].map((worker) => String(worker).split(':').at(-1));
    expect([...new Set(byPid)].sort(), name).toEqual(pids);
  }
  const all = Object.values(doneBy).flatMap((jobs) => [...jobs.values()]);
  for (const pid of pids) {
    const share = all.filter((worker) => String(worker).endsWith(`:${pid}`)).length / all.length;
    expect(share, `share of the jobs done by process ${pid}`).toBeGreaterThan(0.1);
  }

  const { most, used } = windows(simulator.control.goldsky.requests.map((request) => request.at));
  expect(most).toBeLessThanOrEqual(BOUND);
  expect(used).toBeGreaterThanOrEqual(0.8);
}, 240_000);

/** The most requests in any 10 s, and how much of the bound the busiest of these used. */
function windows(times: readonly number[]): { most: number; used: number } {
  const counts = times.map((end, index) => index + 1 - times.findIndex((time) => time > end - WINDOW_MS));
  const most = Math.max(...counts);
  return { most, used: most / BOUND };
}
