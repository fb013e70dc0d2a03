import type { Config, OrderSource } from '../base/config.ts';
import { formatCursor, type Cursor } from '../domain/coverage.ts';
import type { Database } from '../store/clickhouse.ts';
import { coverageSummary } from '../store/coverage.ts';
import type { SourceState } from '../../queues/sourceState.ts';

/** What each built source's cursor position is. */
const BUILT_SOURCES: Partial<Record<OrderSource, 'unix seconds' | 'block'>> = { goldsky: 'unix seconds' };

/** The order sources that this pipeline runs. */
export function runningSources(config: Config): OrderSource[] {
  return config.orderSources.filter((source) => BUILT_SOURCES[source] !== undefined);
}

/** How a source stands in ClickHouse. */
export interface SourceProgress {
  readonly end: Cursor;
  readonly gaps: number;
}

export interface SourceStatus {
  /** The furthest place covered in ClickHouse, else where the tail stands in Redis, else ''. */
  readonly cursor: string;
  /** That place as a time, ISO 8601; null where positions are no times or there is none. */
  readonly cursorTime: string | null;
  /** Seconds between now and the furthest covered place; null while nothing is covered, or positions are no times. */
  readonly lagSeconds: number | null;
  /** null while ClickHouse has not answered yet. */
  readonly gaps: number | null;
  /** New order events a second over the last minute; null until they have been counted twice. */
  readonly eventsPerSecond: number | null;
  /** Why the last request to the source did not work. */
  readonly problem: string | null;
}

export async function readProgress(database: Database): Promise<Map<string, SourceProgress>> {
  const summary = await coverageSummary(database);
  return new Map(summary.map(({ source, end, gaps }) => [source, { end, gaps }]));
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
    lagSeconds:
      isTime && covered !== undefined ? Math.max(0, Math.round(now / 1000 - covered.end.position)) : null,
    gaps: progress === undefined ? null : (covered?.gaps ?? 0),
    eventsPerSecond: eventsPerSecond ?? null,
    problem: state?.problem ?? null,
  };
}

function toIso(seconds: number): string | null {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
