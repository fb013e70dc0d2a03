import { expect, test } from 'vitest';
import { NODE_NAMES } from '../../src/simulator/control.ts';
import { makeChainWorld } from '../support/chain.ts';
import { startWorkerProcess } from '../support/pipeline.ts';

const BOUND = 20;
const WINDOW_MS = 10_000;
/** Long enough for windows in their middle, too. */
const MEASURED_MS = 14_000;

test('two replicas: over all nodes together no 10 s have more requests than allowed, and most are made use of', async () => {
  const node = { maxBlocks: 4, maxBatch: 2, logTimestamps: false };
  const { environment, simulator } = await makeChainWorld({
    historySeconds: 1_200,
    exchange: { eventsPerSecond: 10, finalityBlocks: 3, seed: 95 },
    simulator: { latencyMs: 100, nodes: { polygon: node, polygon2: node, polygon3: node } },
    environment: { POLYGON_REQUESTS_PER_10S: String(BOUND) },
  });
  await Promise.all([startWorkerProcess(environment), startWorkerProcess(environment)]);
  const times = () =>
    NODE_NAMES.flatMap((name) => simulator.control[name].requests.map(({ at }) => at)).toSorted(
      (a, b) => a - b,
    );
  const measured = () => (times().at(-1) ?? 0) - (times()[0] ?? 0);
  await expect.poll(measured, { timeout: 60_000, interval: 200 }).toBeGreaterThan(MEASURED_MS);

  const counts = windowCounts(times());
  expect(Math.max(...counts)).toBeLessThanOrEqual(BOUND);
  expect(Math.max(...counts)).toBeGreaterThanOrEqual(0.9 * BOUND);
  for (const name of ['polygon', 'polygon2'] as const) {
    expect(simulator.control[name].counts.count, name).toBeGreaterThan(0);
  }
}, 120_000);

/** Requests in each 10 s that end with a request; those that begin before the first request are left out. */
function windowCounts(times: readonly number[]): number[] {
  const first = times[0] ?? 0;
  return times
    .filter((end) => end - first >= WINDOW_MS)
    .map((end) => times.filter((time) => time > end - WINDOW_MS && time <= end).length);
}
