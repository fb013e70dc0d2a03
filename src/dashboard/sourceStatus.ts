import { exchangesOf, type Config, type OrderSource } from '../base/config.ts';
import { BLOCK_S, POSITIONS } from '../base/settings.ts';
import { formatCursor, type Cursor } from '../domain/coverage.ts';
import type { Database } from '../store/clickhouse.ts';
import { coverageReport } from '../store/coverageReport.ts';
import { recountSummary, type RecountSummary } from '../store/recounts.ts';
import type { SourceState } from '../../queues/sourceState.ts';

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
  /** Addresses of the exchanges that it reads, lower-case. */
  readonly exchanges: readonly string[];
  /** The furthest place covered in ClickHouse, else where the tail stands in Redis, else ''. */
  readonly cursor: string;
  /** That place as a time, ISO 8601; of a block about, from the newest block's. null where it is not known. */
  readonly cursorTime: string | null;
  /** Where the coverage begins, as a time; null where positions are no times or nothing is covered. */
  readonly coveredFrom: string | null;
  /** The same of a source whose positions are blocks. */
  readonly coveredFromBlock: number | null;
  /** Seconds between now and the furthest covered place; null while that is not known. */
  readonly lagSeconds: number | null;
  /** Of a source of blocks: the newest there is, and the newest that was read, final or not. */
  readonly headBlock: number | null;
  readonly readBlock: number | null;
  /** Seconds between now and that block; null where that is not known. */
  readonly readLagSeconds: number | null;
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

/** What is known of a source; undefined what Redis or ClickHouse has not answered yet. */
export interface SourceFacts {
  readonly config: Pick<Config, 'polygon'>;
  readonly progress: ReadonlyMap<string, SourceProgress> | undefined;
  readonly state: SourceState | undefined;
  readonly eventsPerSecond: number | undefined;
  /** Milliseconds. */
  readonly now: number;
}

export function sourceStatus(source: OrderSource, facts: SourceFacts): SourceStatus {
  const { config, progress, state, eventsPerSecond, now } = facts;
  const covered = progress?.get(source);
  const cursor = covered?.end ?? state?.cursor;
  const isTime = POSITIONS[source] === 'seconds';
  const readBlock = isTime ? undefined : newestRead(cursor, state);
  const lag = (second: number | undefined) =>
    second === undefined ? null : Math.max(0, Math.round(now / 1000 - second));
  return {
    exchanges: exchangesOf(source, config),
    cursor: cursor === undefined ? '' : formatCursor(cursor),
    cursorTime: toIso(secondOf(source, cursor?.position, state)),
    coveredFrom: isTime ? toIso(covered?.start.position) : null,
    coveredFromBlock: isTime ? null : (covered?.start.position ?? null),
    lagSeconds: lag(secondOf(source, covered?.end.position, state)),
    headBlock: state?.headBlock ?? null,
    readBlock: readBlock ?? null,
    readLagSeconds: isTime ? null : lag(secondOf(source, readBlock, state)),
    gaps: progress === undefined ? null : (covered?.gaps ?? 0),
    lostGaps: progress === undefined ? null : (covered?.lostGaps ?? 0),
    recounts: covered?.recounts === undefined ? null : recountStatus(covered.recounts),
    eventsPerSecond: eventsPerSecond ?? null,
    problem: state?.problem ?? null,
  };
}

/** A cursor at block N says that N itself has not been read. */
function newestRead(cursor: Cursor | undefined, state: SourceState | undefined): number | undefined {
  if (cursor === undefined) return state?.headRead?.number;
  return Math.max(cursor.position - 1, state?.headRead?.number ?? 0);
}

/** The unix second of a position; of a block about, counted back from the newest one. */
function secondOf(
  source: OrderSource,
  position: number | undefined,
  state: SourceState | undefined,
): number | undefined {
  if (position === undefined || POSITIONS[source] === 'seconds') return position;
  const { headBlock, headTimestamp } = state ?? {};
  if (headBlock === undefined || headTimestamp === undefined) return undefined;
  return headTimestamp - (headBlock - position) * BLOCK_S;
}

/** One line for a person when a recount found that something is not stored as the source has it. */
export function recountProblem(source: OrderSource, { recounts }: SourceStatus): string | undefined {
  if (recounts === null || recounts.mismatches === 0) return undefined;
  return `${source}: ${recounts.mismatches} of ${recounts.events} events that it was asked for again in the last 24 hours were not stored as it has them: see the table recounts.`;
}

function recountStatus({ recounts, events, mismatches, lastAt }: RecountSummary) {
  return { count: recounts, events, mismatches, lastAt: new Date(lastAt).toISOString() };
}

function toIso(seconds: number | undefined): string | null {
  if (seconds === undefined) return null;
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
