import fc from 'fast-check';
import { expect, test } from 'vitest';
import { limiterFor, paceOf } from '../../queues/limiter.ts';
import { loadConfig } from '../../src/base/config.ts';

const WINDOW_MS = 10_000;

const pace = (bound: number) =>
  paceOf('fetch.goldsky', loadConfig({ GOLDSKY_REQUESTS_PER_10S: String(bound) }));

test('no bound, no limiter; queues without an upstream have none', () => {
  expect(pace(0)).toBeUndefined();
  expect(paceOf('writes', loadConfig({}))).toBeUndefined();
  expect(limiterFor('writes', loadConfig({}))).toBeUndefined();
});

test('turns at their pace use more than 95 % of the bound; what lets jobs through is no slower, and never lets many through early', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), (bound) => {
      const found = pace(bound);
      if (found === undefined) throw new Error('There is a bound.');
      const { windowMs, periodMs, shortestMs, leadMs, limiter } = found;
      expect(found.bound).toBe(bound);
      expect(windowMs).toBeGreaterThan(WINDOW_MS);
      expect(windowMs).toBeLessThan(WINDOW_MS / 0.96);
      expect(periodMs * bound).toBeCloseTo(windowMs);
      expect(shortestMs).toBeLessThan(periodMs);
      expect(leadMs).toBeLessThan(periodMs);
      expect(Number.isInteger(limiter.duration) && limiter.duration >= 1).toBe(true);
      const millisecondsAJob = limiter.duration / limiter.max;
      expect(millisecondsAJob).toBeLessThan(periodMs);
      expect(millisecondsAJob).toBeGreaterThan(periodMs * 0.9);
    }),
  );
});
