import { expect, onTestFinished, test } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { configureLogging } from '../../src/base/log.ts';
import { UpstreamError } from '../../src/sources/upstreamError.ts';
import type { FetchGammaPayload } from '../../queues/payloads.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { registerWorker, type Processor } from '../../workers/register.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const POLL = { timeout: 20_000, interval: 20 };

/**
 * Replicas of the market API's worker, one job at a time each. Each try of a job ends in the next of the given errors;
 * then all work.
 */
function setUp(errors: (AppError | (() => Promise<AppError>))[], replicas = 1) {
  configureLogging('silent');
  const context = createContext(testConfig(testEnvironment({ GAMMA_REQUESTS_PER_10S: '500' })));
  const startedAt: number[] = [];
  const processor: Processor<'fetch.gamma'> = async () => {
    startedAt.push(performance.now());
    const error = errors.shift();
    if (error === undefined) return { done: true };
    throw typeof error === 'function' ? await error() : error;
  };
  const workers = Array.from({ length: replicas }, () => registerWorker('fetch.gamma', processor, context));
  for (const worker of workers) worker.concurrency = 1;
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    await closeContext(context);
  });
  const queue = context.queues.get('fetch.gamma');
  const add = (jobId: string) => context.queues.add('fetch.gamma', 'tokens', PAYLOAD, { jobId, priority: 1 });
  /** Milliseconds between one start of a job and the next. */
  const pauses = () => startedAt.slice(1).map((at, index) => at - (startedAt[index] ?? 0));
  return { queue, add, pauses };
}

const PAYLOAD: FetchGammaPayload = { kind: 'tokens', tokenIds: ['1'], closed: false, ledger: 'ctf' };

function rateLimited(waitMs?: number): UpstreamError {
  return new UpstreamError('UPSTREAM_RATE_LIMITED', 'too many requests', {
    retry: 'wait',
    ...(waitMs === undefined ? {} : { waitMs }),
  });
}

test('429 without a time holds the whole queue, longer each time, and uses no attempts', async () => {
  const { queue, add, pauses } = setUp([rateLimited(), rateLimited()]);
  await add('first');
  await add('second');
  await expect.poll(() => queue.getCompletedCount(), POLL).toBe(2);
  // The first comes back before the second: 1 s, then 2 s, half of each by chance.
  const [first, second] = pauses();
  expect(first).toBeGreaterThanOrEqual(490);
  expect(second).toBeGreaterThanOrEqual(990);
  expect((await queue.getJob('first'))?.attemptsMade).toBe(1);
});

test('429 with a time holds the whole queue that long, and another 429 without one does not shorten it', async () => {
  const held = () => queue.getRateLimitTtl();
  const untilHeld = async () => {
    await expect.poll(held, POLL).toBeGreaterThan(1_000);
    return rateLimited();
  };
  const { queue, add, pauses } = setUp([untilHeld, rateLimited(2_000)], 2);
  await add('first');
  await add('second');
  await expect.poll(() => queue.getCompletedCount(), POLL).toBe(2);
  expect(pauses()[1]).toBeGreaterThanOrEqual(1_990);
});

test('what the breaker holds back comes again when it says, and uses no attempts', async () => {
  const open = () => new AppError('CIRCUIT_OPEN', 'is away', { retry: 'wait', waitMs: 300 });
  const { queue, add, pauses } = setUp([open(), open()]);
  await add('first');
  await expect.poll(() => queue.getCompletedCount(), POLL).toBe(1);
  for (const pause of pauses()) expect(pause).toBeGreaterThanOrEqual(290);
  expect((await queue.getJob('first'))?.attemptsMade).toBe(1);
});

test('a try that uses an attempt is followed by a pause', async () => {
  const { queue, add, pauses } = setUp([new AppError('X', 'no luck', { retry: 'attempt' })]);
  await add('first');
  await expect.poll(() => queue.getCompletedCount(), POLL).toBe(1);
  expect(pauses()[0]).toBeGreaterThanOrEqual(490);
  expect((await queue.getJob('first'))?.attemptsMade).toBe(2);
});
