import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../queues/connection.ts';
import { SweepStates } from '../../queues/sweepState.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

function sweeps(): SweepStates {
  const { redis } = testConfig(testEnvironment());
  const connection = connectRedis(redis.url, pino({ level: 'silent' }));
  onTestFinished(() => connection.disconnect());
  return new SweepStates(connection, redis.prefix);
}

test('what a sweep of tens of thousands of open markets has not met is found', async () => {
  const states = sweeps();
  const ids = Array.from({ length: 50_000 }, (_, index) => String(index));
  const met = ids.filter((_, index) => index % 1_000 !== 0);
  for (let start = 0; start < met.length; start += 100) await states.noteSeen(met.slice(start, start + 100));
  expect(await states.notSeen(ids)).toEqual(ids.filter((_, index) => index % 1_000 === 0));
  await states.forgetSeen();
  expect(await states.notSeen(['1'])).toEqual(['1']);
});

test('the state of a sweep is kept and cleared a field at a time', async () => {
  const states = sweeps();
  await states.update(false, { startedAt: 1_000, afterCursor: 'abc', chainJobId: 'job' });
  expect(await states.read(false)).toEqual({
    startedAt: 1_000,
    finishedAt: undefined,
    afterCursor: 'abc',
    chainJobId: 'job',
  });
  await states.update(false, { finishedAt: 2_000, afterCursor: undefined });
  expect(await states.read(false)).toMatchObject({ finishedAt: 2_000, afterCursor: undefined });
  expect(await states.read(true)).toMatchObject({ startedAt: undefined });
});
