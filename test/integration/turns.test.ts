import { expect, onTestFinished, test } from 'vitest';
import { limiterFor } from '../../queues/limiter.ts';
import { takeTurn } from '../../queues/turns.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { registerWorker } from '../../workers/register.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const QUEUE = 'fetch.polygon';
/** Timers fire up to this early, in milliseconds. */
const EARLY_MS = 2;

/** Two replicas with a bound of requests in 10 s. */
function setUp(requestsPer10s: number) {
  const environment = testEnvironment({ POLYGON_REQUESTS_PER_10S: String(requestsPer10s) });
  const config = testConfig(environment);
  const replicas = [createContext(config), createContext(config)];
  onTestFinished(async () => void (await Promise.all(replicas.map(closeContext))));
  const turn = async (at: number, signal?: AbortSignal) => {
    const context = replicas[at % replicas.length] ?? createContext(config);
    await takeTurn(context.redis, context.queues, QUEUE, config, signal);
    return performance.now();
  };
  const [context] = replicas;
  if (context === undefined) throw new Error('There is no replica.');
  return { context, turn, window: limiterFor(QUEUE, config)?.duration ?? 0 };
}

test('those that ask for a turn at the same moment, on two replicas, get one window after the other', async () => {
  const { turn, window } = setUp(100);
  expect(window).toBeGreaterThan(100);
  const start = performance.now();
  const turns = await Promise.all(Array.from({ length: 12 }, (_, at) => turn(at)));
  const times = turns.map((at) => at - start).toSorted((a, b) => a - b);
  for (const [place, at] of times.entries()) expect(at).toBeGreaterThanOrEqual(place * window - EARLY_MS);
  // Nor are windows left out.
  expect(times.at(-1)).toBeLessThan(times.length * window + 1_000);
});

test('no job starts in the windows that are taken, and turns wait for the window of a job', async () => {
  const { context, turn, window } = setUp(50);
  const starts: number[] = [];
  const worker = registerWorker(
    QUEUE,
    async () => {
      starts.push(performance.now());
      return Promise.resolve({});
    },
    context,
  );
  onTestFinished(() => worker.close());
  const start = performance.now();
  const turns = Promise.all([0, 1, 2, 3].map((at) => turn(at)));
  await turn(0);
  const payload = { kind: 'tail', cursor: { position: 1, id: '' }, chain: { id: 'x', step: 0 } } as const;
  for (const jobId of ['a', 'b']) await context.queues.add(QUEUE, 'tail', payload, { jobId, priority: 1 });
  await expect.poll(() => starts.length, { timeout: 20_000, interval: 20 }).toBe(2);
  const last = Math.max(...(await turns));
  expect(last - start).toBeGreaterThanOrEqual(3 * window - EARLY_MS);
  // Whole windows of its own: after those that were taken before.
  for (const at of starts) expect(at - start).toBeGreaterThanOrEqual(5 * window - EARLY_MS);
  expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(window - 20);
});

test('a queue without a bound has turns at once, and a stop ends the wait for one', async () => {
  const free = setUp(0);
  const start = performance.now();
  for (let at = 0; at < 20; at++) await free.turn(at);
  expect(performance.now() - start).toBeLessThan(1_000);

  const slow = setUp(1);
  await slow.turn(0);
  const stop = new AbortController();
  const waiting = slow.turn(1, stop.signal);
  setTimeout(() => stop.abort(), 50);
  await expect(waiting).rejects.toMatchObject({ retry: 'wait' });
});
