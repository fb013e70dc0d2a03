import fc from 'fast-check';
import { expect, test } from 'vitest';
import { limiterFor } from '../../queues/limiter.ts';
import { loadConfig } from '../../src/base/config.ts';

const limiter = (bound: number) =>
  limiterFor('fetch.goldsky', loadConfig({ GOLDSKY_REQUESTS_PER_10S: String(bound) }));

test('no bound, no limiter; queues without an upstream have none', () => {
  expect(limiter(0)).toBeUndefined();
  expect(limiterFor('writes', loadConfig({}))).toBeUndefined();
});

test('jobs let through as fast as the limiter allows never exceed the bound in any 10 s, and use most of it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), (bound) => {
      const { max, duration } = limiter(bound) ?? { max: 0, duration: 1 };
      // Periods start at multiples of the duration at the earliest; any 10 s touch this many of them at most.
      const groups = Math.floor(10_000 / duration) + 1;
      const most = groups * max;
      expect(most).toBeLessThanOrEqual(Math.max(bound, max));
      expect((10_000 / duration) * max).toBeGreaterThanOrEqual(bound * 0.9 - 1);
    }),
  );
});
