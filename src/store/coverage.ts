import type { CoveredRange, Cursor } from '../domain/coverage.ts';
import type { Span } from '../domain/spans.ts';
import type { Database } from './clickhouse.ts';
import { coverageRow, TABLES, toLines } from './tables.ts';

interface SpanRow {
  readonly from_position: string;
  readonly from_id: string;
  readonly to_position: string;
  readonly to_id: string;
}

/**
 * The furthest place covered of a source; undefined when nothing is. This, not Redis, is where a tail goes on from: what
 * was lost before it is a gap, and is fetched again.
 */
export async function coveredEnd(database: Database, source: string): Promise<Cursor | undefined> {
  const rows = await database.rows<{ position: string; id: string; ranges: string }>(
    `SELECT max((to_position, to_id)) AS reached, reached.1 AS position, reached.2 AS id, count() AS ranges
     FROM coverage WHERE source = {source:String} HAVING ranges > 0`,
    { source },
  );
  const end = rows[0];
  return end === undefined ? undefined : { position: Number(end.position), id: end.id };
}

/** The gaps of a source, the first ones first. */
export async function coverageGaps(database: Database, source: string, limit: number): Promise<Span[]> {
  const rows = await database.rows<SpanRow>(
    `SELECT from_position, from_id, to_position, to_id FROM coverage_gaps
     WHERE source = {source:String} ORDER BY from_position, from_id LIMIT {limit:UInt32}`,
    { source, limit },
  );
  return rows.map(toSpan);
}

/**
 * Gaps that nobody left on purpose: not those that end where the source began to be read for good, or a backfill
 * began (recordStart).
 */
export async function lostGaps(database: Database, source: string, limit: number): Promise<Span[]> {
  const rows = await database.rows<SpanRow>(
    `SELECT from_position, from_id, to_position, to_id FROM coverage_gaps
     WHERE source = {source:String} AND (to_position, to_id) NOT IN
       (SELECT position, id FROM coverage_start_versions WHERE source = {source:String})
     ORDER BY from_position, from_id LIMIT {limit:UInt32}`,
    { source, limit },
  );
  return rows.map(toSpan);
}

function toSpan(row: SpanRow): Span {
  return {
    from: { position: Number(row.from_position), id: row.from_id },
    to: { position: Number(row.to_position), id: row.to_id },
  };
}

/** Where everything of a source is wanted from on; undefined before its first start. */
export async function lastStart(database: Database, source: string): Promise<Cursor | undefined> {
  const rows = await database.rows<{ position: string; id: string }>(
    `SELECT position, id FROM coverage_start_versions WHERE source = {source:String}
     ORDER BY position DESC, id DESC LIMIT 1`,
    { source },
  );
  const start = rows[0];
  return start === undefined ? undefined : { position: Number(start.position), id: start.id };
}

/**
 * Records that a source is read from here on. The place is covered, as an empty range, before its first page is: a
 * loss of that page is a gap then.
 */
export async function recordStart(database: Database, source: string, start: Cursor): Promise<void> {
  await database.insertLines('coverage_start_versions', TABLES.coverage_start_versions, [
    toLines([JSON.stringify([source, start.position, start.id])]),
  ]);
  await recordCoverage(database, [{ source, from: start, to: start, events: 0, quarantined: 0 }]);
}

/** Writes covered ranges: after their rows, or such as need none. */
export async function recordCoverage(database: Database, ranges: readonly CoveredRange[]): Promise<void> {
  await database.insertLines('covered_range_versions', TABLES.covered_range_versions, [
    toLines(ranges.map(coverageRow)),
  ]);
}
