import type { FaultCounts } from './faultRun.ts';
import type { Outcome } from './completeness.ts';
import { seconds } from './fault.ts';
import type { Source } from './source.ts';
import type { StackEnd } from './supervisedStack.ts';
import type { Sightings } from './watch.ts';

export interface Results {
  readonly seed: number;
  readonly faults: FaultCounts;
  readonly outcome: Outcome;
  readonly sightings: Sightings;
  readonly end: StackEnd;
  /** Jobs left in `failed`, by queue. */
  readonly failedJobs: Readonly<Record<string, number>>;
  /** What the source had: names with numbers. */
  readonly counts: ReturnType<Source['counts']>;
}

/** Why a run has failed; empty for one that has passed. */
export function reasons({ outcome, sightings, faults, end, failedJobs }: Results): string[] {
  const { comparison } = outcome;
  return [
    ...(comparison.isExact ? [] : ['the tables do not hold what the upstream has']),
    ...(outcome.relapses > 0 ? [`it was exact, and then not any more, ${outcome.relapses} times`] : []),
    ...(Object.keys(failedJobs).length > 0 ? ['jobs are left in failed'] : []),
    ...(sightings.twice.length > 0 ? [`a row was seen twice: ${sightings.twice[0]}`] : []),
    ...(faults.mistakes.length > 0 ? [`a fault could not be done: ${faults.mistakes[0]}`] : []),
    ...(end.clean ? [] : ['the stack did not stop cleanly']),
    ...(end.leftBehind.length > 0 ? [`left behind: ${end.leftBehind.join(', ')}`] : []),
  ];
}

/** The table at the end of a run. */
export function report(results: Results): string[] {
  const { faults, outcome, sightings, counts, end } = results;
  const { comparison, exactAfterMs } = outcome;
  const total = [...faults.byKind.values()].reduce((sum, count) => sum + count, 0);
  const rows: (readonly [string, string | number])[] = [
    ...[...faults.byKind].sort(([a], [b]) => (a < b ? -1 : 1)),
    ['faults survived', total],
    ...counts,
    ...comparison.tables.map(({ table, rows: n }): [string, number] => [`rows of ${table}`, n]),
    ['trades with a label', comparison.labels],
    ['rows compared', comparison.rowsCompared],
    ['coverage gaps', comparison.gaps],
    ['starts of the supervisor', end.starts],
    ['looks while it ran', sightings.looks],
    ['newest row behind, worst', `${sightings.worstLagS ?? '-'} s`],
    [
      'jobs left in failed',
      Object.entries(results.failedJobs)
        .map(([queue, n]) => `${queue} ${n}`)
        .join(', ') || 0,
    ],
    ['exact after', exactAfterMs === undefined ? 'never' : seconds(exactAfterMs)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const problems = reasons(results);
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${String(value).padStart(8)}`),
    problems.length === 0
      ? `Passed with seed ${results.seed}: nothing lost, nothing twice.`
      : `FAILED with seed ${results.seed}: ${problems.join('; ')}.`,
  ];
}
