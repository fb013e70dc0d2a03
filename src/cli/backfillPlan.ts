import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../base/errors.ts';
import { compareCursors, type Cursor } from '../domain/coverage.ts';
import { spanLength, type Span } from '../domain/spans.ts';
import type { Database } from '../store/clickhouse.ts';
import { coveredEnd, coverageGaps, lastStart, lostGaps, recordStart } from '../store/coverage.ts';
import { uncovered } from '../store/uncovered.ts';
import type { SourceStates } from '../../queues/sourceState.ts';
import type { PipelineWatch } from './pipelineWatch.ts';
import type { BuiltSource } from './sourceOption.ts';
import { formatDuration, formatTime } from './text.ts';

/** More gaps than anyone has; what is beyond is filled by the next run. */
const MOST_GAPS = 100_000;
const LOOK_EVERY_MS = 500;

export interface PlanParts {
  readonly database: Database;
  readonly states: SourceStates;
  readonly watch: PipelineWatch;
  readonly source: BuiltSource;
  readonly signal: AbortSignal;
}

/** What is to be filled, and how it is called. */
export interface Plan {
  readonly title: string;
  /** In order; empty where there is nothing to do. */
  readonly wanted: readonly Span[];
  readonly notes: readonly string[];
}

export async function planGaps({ database, source }: PlanParts): Promise<Plan> {
  const gaps = await coverageGaps(database, source, MOST_GAPS);
  if (gaps.length === 0) return { title: '', wanted: [], notes: [`${source} has no gap.`] };
  const seconds = gaps.reduce((sum, gap) => sum + spanLength(gap), 0);
  const title = `${gaps.length === 1 ? 'the gap' : `${gaps.length} gaps`} of ${source} (${formatDuration(seconds)})`;
  return { title, wanted: gaps, notes: [] };
}

/**
 * The range, as far as the source has it; where it begins is recorded as a start.
 * @param given unix seconds; without `to` up to the live tail
 * @throws AppError NOTHING_THERE where it begins beyond what there is
 */
export async function planRange(
  parts: PlanParts,
  given: { readonly from: number; readonly to: number | undefined },
): Promise<Plan> {
  const { source } = parts;
  const tail = await tailBegun(parts);
  const notes: string[] = [];
  let to = given.to ?? Math.min(tail.end, tail.head);
  if (to > tail.head) {
    to = tail.head;
    notes.push(
      `${source} has indexed only up to ${formatTime(to)} UTC: it is filled up to there, and the live tail goes on.`,
    );
  }
  if (given.from >= to) {
    throw new AppError(
      'NOTHING_THERE',
      `There is nothing to fill from ${formatTime(given.from)} on: ${source} has come to ${formatTime(to)} UTC, and the live tail goes on from there.`,
      { retry: 'never' },
    );
  }
  const window = { from: { position: given.from, id: '' }, to: { position: to, id: '' } };
  await noteStart(parts, window, tail.start);
  const title = `${source} ${formatTime(given.from)} → ${formatTime(to)} UTC`;
  return { title, wanted: [window], notes };
}

interface Tail {
  readonly start: Cursor;
  /** Unix seconds: how far it is covered, and how far the source has indexed. */
  readonly end: number;
  readonly head: number;
}

/**
 * The live tail, once it has read something. A backfill before its first start would move where it begins, and where a
 * subgraph does not say how far it has indexed, only the tail tells.
 */
async function tailBegun({ database, states, source, watch, signal }: PlanParts): Promise<Tail> {
  for (;;) {
    const start = await lastStart(database, source);
    const end = (await coveredEnd(database, source))?.position ?? 0;
    const { headTimestamp } = await states.read(source);
    if (start !== undefined && (headTimestamp !== undefined || end > start.position)) {
      return { start, end, head: headTimestamp ?? end };
    }
    watch.say(
      `The live tail of ${source} has not begun yet: waiting for a worker to begin it (npm start, or npm run workers).`,
    );
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

/**
 * What lies between a backfill's range and the next covered place was left on purpose, and a loss of the range's first page is
 * to be seen. Not where the range begins amid what is covered, or lost: that is wanted already.
 */
async function noteStart({ database, source }: PlanParts, window: Span, tail: Cursor): Promise<void> {
  const start = window.from;
  if (start.position >= tail.position) return;
  const [first] = (await uncovered(database, source, window)).missing;
  if (first === undefined || compareCursors(first.from, start) !== 0) return;
  const lost = await lostGaps(database, source, MOST_GAPS);
  const isLost = lost.some(
    (gap) => compareCursors(gap.from, start) <= 0 && compareCursors(gap.to, start) > 0,
  );
  if (!isLost) await recordStart(database, source, start);
}
