import { expect, test } from 'vitest';
import { GROUPS, type Group } from '../chaos/fault.ts';
import { targetsOf } from '../chaos/faults/all.ts';
import { makeSchedule } from '../chaos/schedule.ts';

const MINUTES = 60_000;

function schedule(seed: number, groups: readonly Group[] = GROUPS, durationMs = 30 * MINUTES) {
  return makeSchedule(targetsOf(new Set(groups)), { seed, durationMs, pace: 1 }).map(
    ({ target, faults }) => ({
      target,
      faults: faults.map(({ atMs, fault }) => `${atMs} ${fault.what}`),
    }),
  );
}

test('the same seed draws the same faults, another seed others', () => {
  expect(schedule(7)).toEqual(schedule(7));
  expect(schedule(8)).not.toEqual(schedule(7));
});

test('a target does the same whatever other groups are chosen', () => {
  const all = new Map(schedule(7).map(({ target, faults }) => [target, faults]));
  for (const { target, faults } of schedule(7, ['upstream', 'reorg', 'clock'])) {
    expect(faults).toEqual(all.get(target));
  }
});

test('half an hour has every kind of fault there is, and a short run something of every target', () => {
  const targets = targetsOf(new Set(GROUPS));
  const kinds = new Set(targets.flatMap((target) => target.kinds.map(({ name }) => name)));
  const plans = makeSchedule(targets, { seed: 1, durationMs: 30 * MINUTES, pace: 1 });
  expect(new Set(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind.name)))).toEqual(kinds);
  for (const { target, faults } of schedule(1, GROUPS, MINUTES / 2)) {
    expect(faults.length, target).toBeGreaterThan(0);
  }
});
