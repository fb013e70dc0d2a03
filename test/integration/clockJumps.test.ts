import { Redis } from 'ioredis';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { promoteMisdated } from '../../queues/delayed.ts';
import type { Queues } from '../../queues/producer.ts';
import { putSchedulers, restoreSchedulers } from '../../queues/schedulers.ts';
import type { Config } from '../../src/base/config.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const HOUR = 3_600_000;

afterEach(() => vi.restoreAllMocks());

/** Does something by a clock that is ahead by that many milliseconds, or behind. */
async function ahead<T>(ms: number, act: () => Promise<T>): Promise<T> {
  const trueNow = Date.now.bind(Date);
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => trueNow() + ms);
  try {
    return await act();
  } finally {
    clock.mockRestore();
  }
}

function world(): { config: Config; queues: Queues; redis: Redis } {
  const environment = testEnvironment({ MARKETS_POLL_MS: '20000', ORDERS_POLL_MS: '60000' });
  const config = testConfig(environment);
  const redis = new Redis(config.redis.url);
  onTestFinished(() => redis.disconnect());
  return { config, redis, queues: new RedisWorld(environment).queues };
}

/** The schedulers and when each runs next, and the jobs that are to come. */
async function plan(queues: Queues) {
  const ticks = queues.get('ticks');
  const schedulers = await ticks.getJobSchedulers();
  const jobs = await ticks.getJobs(['delayed', 'waiting', 'prioritized', 'active']);
  return {
    schedulers: new Map(
      schedulers.map(({ key, next, every }) => [key, { next: next ?? 0, every: every ?? 0 }]),
    ),
    jobs: jobs.map(({ id }) => id).sort(),
  };
}

test('schedules made by a clock an hour ahead are made anew, each with one job', async () => {
  const { config, queues } = world();
  await ahead(HOUR, () => putSchedulers(queues, config));
  const before = await plan(queues);
  for (const { next } of before.schedulers.values()) expect(next).toBeGreaterThan(Date.now() + HOUR / 2);

  await restoreSchedulers(queues, config);
  const after = await plan(queues);
  expect([...after.schedulers.keys()].sort()).toEqual([...before.schedulers.keys()].sort());
  for (const { next } of after.schedulers.values()) expect(next).toBeLessThanOrEqual(Date.now());
  const wanted = [...after.schedulers].map(([task, { next }]) => `repeat:${task}:${next}`);
  // Jobs that were due at once by that clock wait for a worker: one run more.
  expect(after.jobs).toEqual(expect.arrayContaining(wanted));
  expect(after.jobs.length).toBeLessThanOrEqual(2 * wanted.length);
});

test('a schedule whose next run was set while the clock was ahead runs again at once', async () => {
  const { config, queues, redis } = world();
  await putSchedulers(queues, config);
  // As a worker does that takes the job of a run: the next one is put an hour later.
  const ticks = queues.get('ticks');
  const { next = 0 } = (await ticks.getJobScheduler('markets')) ?? {};
  await redis.zadd(ticks.toKey('repeat'), next + HOUR, 'markets');
  await restoreSchedulers(queues, config);
  const { schedulers, jobs } = await plan(queues);
  expect(schedulers.get('markets')?.next).toBeLessThanOrEqual(Date.now());
  expect(jobs).toContain(`repeat:markets:${schedulers.get('markets')?.next}`);
});

test('a schedule whose job is lost is made anew; one whose job only waits for its turn is not', async () => {
  const { config, queues, redis } = world();
  await ahead(-60_000, () => putSchedulers(queues, config));
  const ticks = queues.get('ticks');
  const before = await plan(queues);
  const lost = before.schedulers.get('labels')?.next;
  await ticks.remove(`repeat:labels:${lost}`).catch(() => undefined);
  await redis.lrem(ticks.toKey('wait'), 0, `repeat:labels:${lost}`);
  await redis.del(ticks.toKey(`repeat:labels:${lost}`));

  await restoreSchedulers(queues, config);
  const after = await plan(queues);
  expect(after.schedulers.get('labels')?.next).toBeGreaterThan(Date.now() - 10_000);
  expect(after.jobs).toContain(`repeat:labels:${after.schedulers.get('labels')?.next}`);
  before.schedulers.delete('labels');
  after.schedulers.delete('labels');
  expect(after.schedulers).toEqual(before.schedulers);
});

test('healthy schedules are left alone, by replicas whose clocks differ a little too', async () => {
  const { config, queues } = world();
  await putSchedulers(queues, config);
  const before = await plan(queues);
  await restoreSchedulers(queues, config);
  await ahead(3_000, () => restoreSchedulers(queues, config));
  await ahead(-3_000, () => restoreSchedulers(queues, config));
  expect(await plan(queues)).toEqual(before);
});

test('jobs delayed by a clock that was ahead go on; those that only wait long are left', async () => {
  const { queues, redis } = world();
  const payload = { kind: 'tokens' as const, tokenIds: ['1'], closed: false, ledger: 'ctf' as const };
  const add = (jobId: string, delayMs: number) =>
    queues.add('fetch.gamma', 'tokens', payload, { jobId, delayMs });
  await ahead(HOUR, () => add('an hour ahead', 1_000));
  await ahead(60_000, () => add('a minute ahead', 1_000));
  await add('long', 900_000);
  await ahead(3_000, () => add('long, by a replica', 900_000));
  await add('short', 1_000);

  expect(await promoteMisdated(redis, queues)).toBe(2);
  const gamma = queues.get('fetch.gamma');
  const ids = async (state: 'waiting' | 'delayed') =>
    (await gamma.getJobs([state])).map(({ id }) => id ?? '').sort();
  expect(await ids('waiting')).toEqual(['a minute ahead', 'an hour ahead']);
  expect(await ids('delayed')).toEqual(['long', 'long, by a replica', 'short']);
});
