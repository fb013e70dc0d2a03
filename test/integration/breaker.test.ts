import { Redis } from 'ioredis';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import type { AppError } from '../../src/base/errors.ts';
import { waitUntil } from '../../src/embedded/probe.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../src/sources/upstreamError.ts';
import { Breakers, type BreakerLimits } from '../../queues/breaker.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const HOUR_MS = 3_600_000;

/** Two replicas on one Redis. */
function replicas(limits: Partial<BreakerLimits> = {}) {
  const { url, prefix } = testConfig(testEnvironment()).redis;
  const connections = [new Redis(url), new Redis(url)] as const;
  onTestFinished(() => connections.forEach((redis) => redis.disconnect()));
  const [one, other] = connections.map((redis) => new Breakers(redis, prefix, limits)) as [
    Breakers,
    Breakers,
  ];
  return { one, other, redis: connections[0], key: `${prefix}:breaker:goldsky` };
}

/** A request that fails. */
function failing(code: UpstreamErrorCode = 'UPSTREAM_UNREACHABLE', waitMs?: number) {
  const options = { retry: 'wait', ...(waitMs === undefined ? {} : { waitMs }) } as const;
  return () => Promise.reject(new UpstreamError(code, `Goldsky: ${code}`, options));
}

async function fail(breakers: Breakers, times: number, request = failing()): Promise<void> {
  for (let i = 0; i < times; i++) await expect(breakers.guarded('goldsky', request)).rejects.toThrow();
}

const works = () => Promise.resolve('page');

async function untilDue(breakers: Breakers): Promise<void> {
  await waitUntil(async () => (await breakers.read('goldsky')).nextProbeMs === 0, {
    timeoutMs: 5_000,
    intervalMs: 10,
  });
}

afterEach(() => {
  vi.useRealTimers();
});

test('five failed requests in a row open it, whichever replica made them; one that works between starts the count again', async () => {
  const { one, other } = replicas();
  await fail(one, 4);
  expect(await other.guarded('goldsky', works)).toBe('page');
  await fail(one, 2);
  await fail(other, 2);
  expect(await one.read('goldsky')).toMatchObject({ state: 'closed', failures: 4 });
  await fail(other, 1, failing('UPSTREAM_SERVER_ERROR'));

  expect(await one.read('goldsky')).toMatchObject({
    state: 'open',
    failures: 5,
    lastError: 'Goldsky: UPSTREAM_SERVER_ERROR',
  });
  const request = vi.fn(works);
  for (const replica of [one, other]) {
    await expect(replica.guarded('goldsky', request)).rejects.toMatchObject({
      code: 'CIRCUIT_OPEN',
      retry: 'wait',
      message: expect.stringContaining('5 requests in a row failed') as string,
    });
  }
  expect(request).not.toHaveBeenCalled();
  // The other API has a breaker of its own.
  expect(await one.guarded('gamma', works)).toBe('page');
});

test('while it is open one probe is made at a time, however many ask; those that fail make the pauses longer', async () => {
  const { one, other, redis, key } = replicas({ firstPauseMs: 20, longestPauseMs: 100 });
  await fail(one, 5);
  const pauses: number[] = [];
  for (let round = 0; round < 5; round++) {
    await untilDue(one);
    let probes = 0;
    let refused = 0;
    let othersAnswered: () => void = () => undefined;
    const meanwhile = new Promise<void>((resolve) => (othersAnswered = resolve));
    const probe = async () => {
      probes++;
      await meanwhile;
      await failing()();
    };
    const ask = async (replica: Breakers) => {
      const error = (await replica.guarded('goldsky', probe).catch((reason: unknown) => reason)) as AppError;
      if (error.code === 'CIRCUIT_OPEN' && ++refused === 19) othersAnswered();
    };
    await Promise.all(Array.from({ length: 20 }, (_, n) => ask(n % 2 === 0 ? one : other)));
    expect({ probes, refused }).toEqual({ probes: 1, refused: 19 });
    pauses.push(Number(await redis.hget(key, 'holdMs')));
  }
  for (const [round, longest] of [40, 80, 100, 100, 100].entries()) {
    expect(pauses[round]).toBeGreaterThanOrEqual(longest / 2);
    expect(pauses[round]).toBeLessThanOrEqual(longest);
  }
});

test('a probe that works closes it for all', async () => {
  const { one, other } = replicas({ firstPauseMs: 20 });
  await fail(one, 5);
  await untilDue(other);
  expect(await other.guarded('goldsky', works)).toBe('page');
  expect(await one.read('goldsky')).toEqual({ state: 'closed', failures: 0 });
  expect(await Promise.all([one, other, one].map((replica) => replica.guarded('goldsky', works)))).toEqual([
    'page',
    'page',
    'page',
  ]);
});

test('a prober that died holds nobody up for longer than its lease, and what it says later does not count', async () => {
  const { one, other } = replicas({ firstPauseMs: 20, leaseMs: 300 });
  await fail(one, 5);
  await untilDue(one);
  let endLate: () => void = () => undefined;
  const late = one.guarded('goldsky', async () => {
    await new Promise<void>((resolve) => (endLate = resolve));
    await failing()();
  });
  const next = vi.fn(works);
  await expect(other.guarded('goldsky', next)).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
  await waitUntil(
    async () => {
      await other.guarded('goldsky', next).catch(() => undefined);
      return next.mock.calls.length === 1;
    },
    { timeoutMs: 5_000, intervalMs: 20 },
  );
  expect(await other.read('goldsky')).toMatchObject({ state: 'closed' });
  endLate();
  await expect(late).rejects.toThrow();
  expect(await other.read('goldsky')).toMatchObject({ state: 'closed', failures: 1 });
});

test('a probe that was broken off from this side says nothing: another is made at once', async () => {
  const { one, other } = replicas({ firstPauseMs: 20, longestPauseMs: HOUR_MS });
  await fail(one, 5);
  await untilDue(one);
  await fail(one, 1, failing('UPSTREAM_ABORTED'));
  expect(await other.guarded('goldsky', works)).toBe('page');
});

test('answers that a smaller page or a later request deals with leave it closed', async () => {
  const { one } = replicas();
  const answered = ['UPSTREAM_TOO_EXPENSIVE', 'UPSTREAM_LAGGING', 'UPSTREAM_LOST_EVENTS'] as const;
  for (const code of answered) await fail(one, 5, failing(code));
  expect(await one.read('goldsky')).toEqual({ state: 'closed', failures: 0 });
});

test('the time that the API itself names is kept to, and told to those that wait', async () => {
  const { one } = replicas();
  await fail(one, 5, failing('UPSTREAM_RATE_LIMITED', 120_000));
  const { nextProbeMs } = await one.read('goldsky');
  expect(nextProbeMs).toBeGreaterThan(110_000);
  await expect(one.guarded('goldsky', works)).rejects.toSatisfy(
    ({ waitMs }: UpstreamError) => (waitMs ?? 0) > 110_000 && (waitMs ?? 0) < 130_000,
  );
});

test("the clocks of the replicas do not matter, and Redis' own may be set back", async () => {
  const { one, other, redis, key } = replicas({ firstPauseMs: 300 });
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() - HOUR_MS);
  await fail(one, 5);
  vi.setSystemTime(Date.now() + 5 * HOUR_MS);
  await expect(other.guarded('goldsky', works)).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
  const { openSince = 0 } = await other.read('goldsky');
  const [seconds] = await redis.time();
  expect(Math.abs(Number(seconds) - openSince / 1000)).toBeLessThan(60);

  await redis.hincrby(key, 'nextAt', HOUR_MS);
  expect(await other.guarded('goldsky', works)).toBe('page');
});

test('lost with Redis it is closed', async () => {
  const { one, redis, key } = replicas();
  await fail(one, 5);
  await redis.del(key);
  expect(await one.guarded('goldsky', works)).toBe('page');
});
