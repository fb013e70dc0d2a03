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
  const doneBy = {
    'fetch.goldsky': new Map<string, string>(),
    orders: new Map<string, string>(),
    writes: new Map<string, string>(),
  };
  while (running) {
    for (const name of ['fetch.goldsky', 'orders', 'writes'] as const) {
      for (const [id, worker] of await redis.doneBy(name)) doneBy[name].set(id, worker);
    }
    await sleep(50);
  }
  await complete;
  await expectExactly(database, recording);
  expect(await database.rows('SELECT * FROM coverage_gaps')).toEqual([]);

  // A queue with little to do may go by between two of them; all the jobs together are shared by all.
  const pids = replicas.map((replica) => String(replica.pid));
  const shares = (jobs: Iterable<string>) => {
    const byPid = [...jobs].map((worker) => worker.split(':').at(-1));
    return pids.map((pid) => byPid.filter((one) => one === pid).length / byPid.length);
  };
  for (const [name, jobs] of Object.entries(doneBy)) {
    expect(shares(jobs.values()).filter((share) => share > 0).length, name).toBeGreaterThanOrEqual(2);
  }
  const all = Object.values(doneBy).flatMap((jobs) => [...jobs.values()]);
  for (const share of shares(all)) expect(share, String(shares(all))).toBeGreaterThan(0.1);

  const counts = windowCounts(simulator.control.goldsky.requests.map((request) => request.at));
  expect(Math.max(...counts)).toBeLessThanOrEqual(BOUND);
  // While there is something to fetch the bound is made use of, also on a busy machine.
  expect(median(counts)).toBeGreaterThanOrEqual(0.6 * BOUND);
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
