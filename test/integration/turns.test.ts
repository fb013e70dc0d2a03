import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { paceOf, type Pace } from '../../queues/limiter.ts';
import { takeTurn, waitForTurn, type TurnOptions } from '../../queues/turns.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { registerWorker } from '../../workers/register.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const QUEUE = 'fetch.polygon';
const HOUR_MS = 3_600_000;
/** A turn is taken so many milliseconds late at most (turns.ts); timers fire up to 2 early. */
const LATEST_MS = 250;
const EARLY_MS = 2;

/** Two replicas with a bound of requests in 10 s. */
function setUp(requestsPer10s: number) {
  const environment = testEnvironment({ POLYGON_REQUESTS_PER_10S: String(requestsPer10s) });
  const config = testConfig(environment);
  const replicas = [createContext(config), createContext(config)];
  onTestFinished(async () => void (await Promise.all(replicas.map(closeContext))));
  const turn = async (at: number, options: TurnOptions = {}) => {
    const context = replicas[at % replicas.length] ?? createContext(config);
    await takeTurn(context.redis, context.queues, QUEUE, config, options);
    return performance.now();
  };
  const [context] = replicas;
  if (context === undefined) throw new Error('There is no replica.');
  return { context, turn, shortest: paceOf(QUEUE, config)?.shortestMs ?? 0 };
}

/** Two replicas with a window that a test can sit through. */
function shortWindows(bound: number, windowMs: number) {
  const { url, prefix } = testConfig(testEnvironment()).redis;
  const connections = [new Redis(url), new Redis(url)] as const;
  onTestFinished(() => connections.forEach((redis) => redis.disconnect()));
  const periodMs = windowMs / bound;
  const shortestMs = periodMs * 0.95;
  const limiter = { max: 1, duration: Math.floor(shortestMs) };
  const pace: Pace = { bound, windowMs, periodMs, shortestMs, leadMs: 0, limiter };
  const gate = `${prefix}:gate`;
  const [redis] = connections;
  const turn = async (at: number, options: TurnOptions = {}) => {
    await waitForTurn(connections[at % 2] ?? redis, gate, pace, options);
    return performance.now();
  };
  return { redis, gate, turn };
}

test('under full load, by many on two replicas, no window has more turns than it may, and nearly all of them', async () => {
  const [bound, windowMs] = [20, 1_000];
  const { turn } = shortWindows(bound, windowMs);
  const times: number[] = [];
  const takeFor = async (ms: number, at: number) => {
    for (const end = performance.now() + ms; performance.now() < end;) {
      times.push(await turn(at, { starts: times.length % 3 === 0 }));
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, at) => takeFor(5_000, at)));
  times.sort((a, b) => a - b);
  for (const [index, at] of times.slice(bound).entries()) {
    expect(at - (times[index] ?? 0)).toBeGreaterThan(windowMs - LATEST_MS - EARLY_MS);
  }
  const lasted = (times.at(-1) ?? 0) - (times[0] ?? 0);
  expect(times.length).toBeGreaterThan((0.95 * bound * lasted) / windowMs);
  // One after the other, not all at the start of a window.
  const close = times.slice(1).filter((at, index) => at - (times[index] ?? 0) < 20);
  expect(close.length).toBeLessThan(times.length / 4);
});

test('after a quiet time the turns do not come all at once', async () => {
  const { turn } = shortWindows(10, 1_000);
  for (let at = 0; at < 10; at++) await turn(at);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const start = performance.now();
  const times = await Promise.all(Array.from({ length: 5 }, (_, at) => turn(at)));
  const last = Math.max(...times) - start;
  expect(last).toBeGreaterThanOrEqual(4 * 95 - EARLY_MS);
});

test('the clock of Redis is set back: the turns keep their distance, and nobody waits for an hour', async () => {
  const { redis, gate, turn } = shortWindows(3, 1_500);
  const start = performance.now();
  for (let at = 0; at < 3; at++) await turn(at);
  const turns = (await redis.lrange(`${gate}:turns`, 0, -1)).map(Number);
  await redis.del(`${gate}:turns`);
  await redis.rpush(`${gate}:turns`, ...turns.map((at) => at + HOUR_MS));
  await redis.incrbyfloat(`${gate}:clock`, HOUR_MS);
  const next = await turn(0, { starts: true });
  expect(next - start).toBeGreaterThanOrEqual(1_500 - EARLY_MS);
  expect(next - start).toBeLessThan(3_500);
});

test('lost with Redis, turns still come one after the other', async () => {
  const { redis, gate, turn } = shortWindows(10, 1_000);
  for (let at = 0; at < 10; at++) await turn(at);
  await redis.del(gate, `${gate}:turns`, `${gate}:clock`);
  const start = performance.now();
  const times = await Promise.all(Array.from({ length: 5 }, (_, at) => turn(at)));
  expect(Math.max(...times) - start).toBeGreaterThanOrEqual(400 - EARLY_MS);
});

test('who comes too late for a turn takes another one', async () => {
  const { redis, gate, turn } = shortWindows(100, 1_000);
  await turn(0);
  const late = turn(0, { starts: true });
  // As a process that is busy with something else, or was stopped for a while.
  for (const end = performance.now() + 2 * LATEST_MS; performance.now() < end;);
  await late;
  expect(await redis.llen(`${gate}:turns`)).toBe(3);
});

test('those that ask for a turn at the same moment, on two replicas, get one after the other', async () => {
  const { turn, shortest } = setUp(100);
  expect(shortest).toBeGreaterThan(95);
  const start = performance.now();
  const turns = await Promise.all(Array.from({ length: 12 }, (_, at) => turn(at)));
  const times = turns.map((at) => at - start).toSorted((a, b) => a - b);
  for (const [place, at] of times.entries()) {
    expect(at).toBeGreaterThanOrEqual(place * shortest - EARLY_MS);
  }
  // Nor are any left out.
  expect(times.at(-1)).toBeLessThan(times.length * shortest + 1_000);
});

test('no job starts before the turns that are taken, and turns wait for the pause that the API asked for', async () => {
  const { context, turn, shortest } = setUp(50);
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
  expect(last - start).toBeGreaterThanOrEqual(3 * shortest - EARLY_MS);
  // Shortly before the turn after those that were taken.
  for (const at of starts) expect(at - start).toBeGreaterThanOrEqual(5 * shortest - 50);
  expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(shortest - 20);

  await worker.rateLimit(1_500);
  const held = performance.now();
  expect((await turn(1)) - held).toBeGreaterThanOrEqual(1_500 - 20);
});

test('a queue without a bound has turns at once, and a stop ends the wait for one', async () => {
  const free = setUp(0);
  const start = performance.now();
  for (let at = 0; at < 20; at++) await free.turn(at);
  expect(performance.now() - start).toBeLessThan(1_000);

  const slow = setUp(1);
  await slow.turn(0);
  const stop = new AbortController();
  const waiting = slow.turn(1, { signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  await expect(waiting).rejects.toMatchObject({ code: 'STOPPED', retry: 'wait' });
});
