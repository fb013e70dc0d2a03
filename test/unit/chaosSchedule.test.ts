import { expect, test } from 'vitest';
import { GROUPS, type Group, type Target } from '../chaos/fault.ts';
import { targetsOf } from '../chaos/faults/all.ts';
import { makeSchedule } from '../chaos/schedule.ts';
import { SOURCES } from '../chaos/source.ts';
import { openSource } from '../chaos/sources.ts';

const MINUTES = 60_000;

const OF_SOURCES = SOURCES.flatMap(
  (name) => openSource(name, { seed: 1, withTrouble: false, deepestReorgS: 60 }).targets,
);

/** Of all sources. */
function targets(groups: readonly Group[] = GROUPS): Target[] {
  return targetsOf(new Set(groups), OF_SOURCES);
}

function schedule(seed: number, groups: readonly Group[] = GROUPS, durationMs = 30 * MINUTES) {
  return makeSchedule(targets(groups), { seed, durationMs, pace: 1 }).map(({ target, faults }) => ({
    target,
    faults: faults.map(({ atMs, fault }) => `${atMs} ${fault.what}`),
  }));
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
  const all = targets();
  const kinds = new Set(all.flatMap((target) => target.kinds.map(({ name }) => name)));
  const plans = makeSchedule(all, { seed: 1, durationMs: 30 * MINUTES, pace: 1 });
  expect(new Set(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind.name)))).toEqual(kinds);
  for (const { target, faults } of schedule(1, GROUPS, MINUTES / 2)) {
    expect(faults.length, target).toBeGreaterThan(0);
  }
});
