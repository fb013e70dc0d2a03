import type { Config, OrderSource } from '../base/config.ts';
import { formatCursor, type Cursor } from '../domain/coverage.ts';
import type { Database } from '../store/clickhouse.ts';
import { coverageReport } from '../store/coverageReport.ts';
import { recountSummary, type RecountSummary } from '../store/recounts.ts';
import type { SourceState } from '../../queues/sourceState.ts';

/** What each built source's cursor position is. */
const BUILT_SOURCES: Partial<Record<OrderSource, 'unix seconds' | 'block'>> = { goldsky: 'unix seconds' };

/** The order sources that this pipeline runs. */
export function runningSources(config: Config): OrderSource[] {
  return config.orderSources.filter((source) => BUILT_SOURCES[source] !== undefined);
}

/** How a source stands in ClickHouse. */
export interface SourceProgress {
  /** Where the coverage begins, and the furthest place covered. */
  readonly start: Cursor;
  readonly end: Cursor;
  readonly gaps: number;
  /** Gaps that nobody left on purpose. */
  readonly lostGaps: number;
  /** Undefined where none was made in the last 24 hours. */
  readonly recounts: RecountSummary | undefined;
}

export interface SourceStatus {
  /** The furthest place covered in ClickHouse, else where the tail stands in Redis, else ''. */
  readonly cursor: string;
  /** That place as a time, ISO 8601; null where positions are no times or there is none. */
  readonly cursorTime: string | null;
  /** Where the coverage begins, as a time; null where positions are no times or nothing is covered. */
  readonly coveredFrom: string | null;
  /** Seconds between now and the furthest covered place; null while nothing is covered, or positions are no times. */
  readonly lagSeconds: number | null;
  /** null while ClickHouse has not answered yet. */
  readonly gaps: number | null;
  /** Those of the gaps that nobody left on purpose: fetched again by themselves. */
  readonly lostGaps: number | null;
  /** Covered ranges of which the source was asked again in the last 24 hours; null when none, or not known yet. */
  readonly recounts: {
    readonly count: number;
    /** Events that the source gave in them. */
    readonly events: number;
    /** Events that were not stored, stored though not given, or stored otherwise. */
    readonly mismatches: number;
    /** ISO 8601. */
    readonly lastAt: string;
  } | null;
  /** New order events a second over the last minute; null until they have been counted twice. */
  readonly eventsPerSecond: number | null;
  /** Why the last request to the source did not work. */
  readonly problem: string | null;
}

export async function readProgress(database: Database): Promise<Map<string, SourceProgress>> {
  const [reports, recounts] = await Promise.all([coverageReport(database), recountSummary(database)]);
  return new Map(
    reports.map(({ source, from, to, gapCount, lostGapCount }) => [
      source,
      {
        start: from,
        end: to,
        gaps: gapCount,
        lostGaps: lostGapCount,
        recounts: recounts.find((recount) => recount.source === source),
      },
    ]),
  );
}

/**
 * @param progress undefined while ClickHouse has not answered yet
 * @param state undefined while Redis has not answered yet
 * @param eventsPerSecond undefined while it is not known
 * @param now milliseconds
 */
export function sourceStatus(
  source: OrderSource,
  progress: ReadonlyMap<string, SourceProgress> | undefined,
  state: SourceState | undefined,
  eventsPerSecond: number | undefined,
  now: number,
): SourceStatus {
  const covered = progress?.get(source);
  const cursor = covered?.end ?? state?.cursor;
  const isTime = BUILT_SOURCES[source] === 'unix seconds';
  return {
    cursor: cursor === undefined ? '' : formatCursor(cursor),
    cursorTime: isTime && cursor !== undefined ? toIso(cursor.position) : null,
    coveredFrom: isTime && covered !== undefined ? toIso(covered.start.position) : null,
    lagSeconds:
      isTime && covered !== undefined ? Math.max(0, Math.round(now / 1000 - covered.end.position)) : null,
    gaps: progress === undefined ? null : (covered?.gaps ?? 0),
    lostGaps: progress === undefined ? null : (covered?.lostGaps ?? 0),
    recounts: covered?.recounts === undefined ? null : recountStatus(covered.recounts),
    eventsPerSecond: eventsPerSecond ?? null,
    problem: state?.problem ?? null,
  };
}

/** One line for a person when a recount found that something is not stored as the source has it. */
export function recountProblem(source: OrderSource, { recounts }: SourceStatus): string | undefined {
  if (recounts === null || recounts.mismatches === 0) return undefined;
  return `${source}: ${recounts.mismatches} of ${recounts.events} events that it was asked for again in the last 24 hours were not stored as it has them: see the table recounts.`;
}

function recountStatus({ recounts, events, mismatches, lastAt }: RecountSummary) {
  return { count: recounts, events, mismatches, lastAt: new Date(lastAt).toISOString() };
}

function toIso(seconds: number): string | null {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
