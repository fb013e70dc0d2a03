import type { CoveredRange, Cursor } from '../domain/coverage.ts';
import type { Database } from './clickhouse.ts';
import { coverageRow, TABLES, toLines } from './tables.ts';

/**
 * Where the contiguous coverage of a source ends, from its first range on; undefined when it has none.
 * This, not Redis, is where a pipeline goes on from.
 */
export async function contiguousEnd(database: Database, source: string): Promise<Cursor | undefined> {
  const gap = await database.rows<{ position: string; id: string }>(
    `SELECT from_position AS position, from_id AS id FROM coverage_gaps
     WHERE source = {source:String} ORDER BY from_position, from_id LIMIT 1`,
    { source },
  );
  const end =
    gap[0] ??
    (
      await database.rows<{ position: string; id: string; ranges: string }>(
        `SELECT max((to_position, to_id)) AS reached, reached.1 AS position, reached.2 AS id, count() AS ranges
         FROM coverage WHERE source = {source:String} HAVING ranges > 0`,
        { source },
      )
    )[0];
  return end === undefined ? undefined : { position: Number(end.position), id: end.id };
}

export interface SourceCoverage {
  readonly source: string;
  /** The furthest place covered, beyond any gap. */
  readonly end: Cursor;
  readonly gaps: number;
}

/** One row a source that has any coverage. */
export async function coverageSummary(database: Database): Promise<SourceCoverage[]> {
  const rows = await database.rows<{ source: string; position: string; id: string; gaps: string }>(
    `SELECT c.source AS source, c.reached.1 AS position, c.reached.2 AS id, g.gaps AS gaps
     FROM (SELECT source, max((to_position, to_id)) AS reached FROM coverage GROUP BY source) AS c
     LEFT JOIN (SELECT source, count() AS gaps FROM coverage_gaps GROUP BY source) AS g ON g.source = c.source`,
  );
  return rows.map((row) => ({
    source: row.source,
    end: { position: Number(row.position), id: row.id },
    gaps: Number(row.gaps),
  }));
}

/** Writes covered ranges: after their rows, or such as need none (the place where a source starts). */
export async function recordCoverage(database: Database, ranges: readonly CoveredRange[]): Promise<void> {
  await database.insertLines('coverage_versions', TABLES.coverage_versions, [
    toLines(ranges.map(coverageRow)),
  ]);
}
