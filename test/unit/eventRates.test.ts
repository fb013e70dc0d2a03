import { expect, test } from 'vitest';
import { EventRates } from '../../src/dashboard/eventRates.ts';

const counts = (events: number) => new Map([['goldsky', events]]);

test('a rate is the difference of two counts over the time between them', () => {
  const rates = new EventRates();
  expect(rates.of('goldsky')).toBeUndefined();
  rates.add(counts(1_000), 10_000);
  expect(rates.of('goldsky')).toBeUndefined();
  rates.add(counts(1_050), 12_000);
  expect(rates.of('goldsky')).toBe(25);
  expect(rates.of('another')).toBe(0);
});

test('only the last minute counts, and fewer rows are no negative rate', () => {
  const rates = new EventRates();
  rates.add(counts(0), 0);
  rates.add(counts(9_000), 50_000);
  rates.add(counts(9_100), 60_001);
  expect(rates.of('goldsky')).toBeCloseTo(10, 1);
  rates.add(counts(10), 70_000);
  expect(rates.of('goldsky')).toBe(0);
});
