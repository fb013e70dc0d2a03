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
  const doneBy = new Map<string, string>();
  while (running) {
    for (const [id, worker] of await redis.doneBy('orders')) doneBy.set(id, worker);
    await sleep(50);
  }
  await complete;
  await expectExactly(database, recording);
  expect(await database.rows('SELECT * FROM coverage_gaps')).toEqual([]);

  // One replica at a time reads the live tail; its pages are shared. One that started late may find few.
  const byPid = [...doneBy.values()].map((worker) => worker.split(':').at(-1));
  const shares = replicas.map(({ pid }) => byPid.filter((one) => one === String(pid)).length / byPid.length);
  expect(shares.filter((share) => share > 0.1).length, String(shares)).toBeGreaterThanOrEqual(2);

  const counts = windowCounts(simulator.control.goldsky.requests.map((request) => request.at));
  expect(Math.max(...counts)).toBeLessThanOrEqual(BOUND);
  // While there is something to fetch the bound is made use of, also on a busy machine.
  expect(median(counts)).toBeGreaterThanOrEqual(0.8 * BOUND);
}, 240_000);

/** Requests in each 10 s that end with a request; those that begin before the first request are left out. */
function windowCounts(times: readonly number[]): number[] {
  const first = times[0] ?? 0;
  return times
    .filter((end) => end - first >= WINDOW_MS)
    .map((end) => times.filter((time) => time > end - WINDOW_MS && time <= end).length);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
