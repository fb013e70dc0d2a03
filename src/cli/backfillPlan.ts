import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, OrderSource } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import { positionsOf } from '../base/settings.ts';
import { compareCursors, type Cursor } from '../domain/coverage.ts';
import { spanLength, type Span } from '../domain/spans.ts';
import type { Database } from '../store/clickhouse.ts';
import { coveredEnd, coverageGaps, lastStart, lostGaps, recordStart } from '../store/coverage.ts';
import { recordScope, scopesOf } from '../store/scope.ts';
import { uncovered } from '../store/uncovered.ts';
import type { SourceStates } from '../../queues/sourceState.ts';
import type { PipelineWatch } from './pipelineWatch.ts';
import { positionText } from './positionText.ts';

/** More gaps than anyone has; what is beyond is filled by the next run. */
const MOST_GAPS = 100_000;
const LOOK_EVERY_MS = 500;

export interface PlanParts {
  readonly config: Pick<Config, 'polygon'>;
  readonly database: Database;
  readonly states: Pick<SourceStates, 'read'>;
  readonly watch: Pick<PipelineWatch, 'say'>;
  readonly source: OrderSource;
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
  const length = gaps.reduce((sum, gap) => sum + spanLength(gap), 0);
  const what = gaps.length === 1 ? 'the gap' : `${gaps.length} gaps`;
  const title = `${what} of ${source} (${positionText(source).length(length)})`;
  return { title, wanted: gaps, notes: [] };
}

/**
 * The range, as far as the source has it; where it begins is recorded as a start.
 * @param given positions; without `to` up to the live tail
 * @throws AppError NOTHING_THERE where it begins beyond what there is
 */
export async function planRange(
  parts: PlanParts,
  given: { readonly from: number; readonly to: number | undefined },
): Promise<Plan> {
  const { source } = parts;
  const { place, zone } = positionText(source);
  const tail = await tailBegun(parts);
  const notes: string[] = [];
  let to = given.to ?? Math.min(tail.end, tail.head);
  if (to > tail.head) {
    to = tail.head;
    const reach = positionsOf(source) === 'blocks' ? 'is read as final' : 'has indexed';
    notes.push(
      `${source} ${reach} only up to ${place(to)}${zone}: it is filled up to there, and the live tail goes on.`,
    );
  }
  if (given.from >= to) {
    throw new AppError(
      'NOTHING_THERE',
      `There is nothing to fill from ${place(given.from)} on: ${source} has come to ${place(to)}${zone}, and the live tail goes on from there.`,
      { retry: 'never' },
    );
  }
  const window = { from: { position: given.from, id: '' }, to: { position: to, id: '' } };
  if (source === 'polygon') await widenScope(parts, given.from);
  await noteStart(parts, window, tail.start);
  const title = `${source} ${place(given.from)} → ${place(to)}${zone}`;
  return { title, wanted: [window], notes };
}

interface Tail {
  readonly start: Cursor;
  /** Positions: how far it is covered, and how far the source has indexed, or has blocks that are final. */
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
    const { headTimestamp, cursor } = await states.read(source);
    // The tail's cursor moves over final blocks only.
    const head = positionsOf(source) === 'seconds' ? headTimestamp : cursor && Math.max(cursor.position, end);
    if (start !== undefined && (head !== undefined || end > start.position)) {
      return { start, end, head: head ?? end };
    }
    watch.say(
      `The live tail of ${source} has not begun yet: waiting for a worker to begin it (npm start, or npm run workers).`,
    );
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** Blocks before any that were read so far are read of today's exchanges. */
async function widenScope({ database, config, source }: PlanParts, from: number): Promise<void> {
  const [first] = await scopesOf(database, source);
  if (first !== undefined && first.from <= from) return;
  await recordScope(database, source, from, config.polygon.exchanges);
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
