import type { Database } from './clickhouse.ts';

/** Ranges merged by one statement, and statements in one pass at most. */
const RANGES_A_STEP = 100_000;
const STEPS_A_PASS = 10;

/**
 * Old ranges that touch or overlap become one, in one insert: the merged range, and the deletions of those it is made of (but
 * for the one whose key it has: it replaces that). Rows that arrive meanwhile are not touched: they have either another
 * key, or reach further and win. Two replicas that do it at once write the same rows, or ranges that overlap; only the sums
 * of events may then count some twice. Killed before the insert is done, nothing has happened.
 */
const MERGE = `
INSERT INTO covered_range_versions
  (source, from_position, from_id, to_position, to_id, events, quarantined, written_at, version, is_deleted)
SETTINGS max_insert_threads = 1
SELECT {source:String}, row.1, row.2, row.3, row.4, row.5, row.6, row.7, row.3 * 2 + row.8, row.8
FROM
(
  SELECT min((from_position, from_id)) AS start, max((to_position, to_id)) AS reached,
    sum(events) AS all_events, sum(quarantined) AS all_quarantined, max(written_at) AS latest,
    groupArray((from_position, from_id, to_position, to_id, events, quarantined, written_at)) AS parts
  FROM
  (
    SELECT from_position, from_id, to_position, to_id, events, quarantined, written_at,
      countIf((from_position, from_id) > before) OVER (ORDER BY from_position, from_id, to_id) AS stretch
    FROM
    (
      SELECT *,
        max((to_position, to_id)) OVER (
          ORDER BY from_position, from_id, to_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before
      FROM coverage
      WHERE source = {source:String} AND from_position >= {first:UInt64} AND from_position <= {last:UInt64}
        AND written_at < now64(3) - toIntervalSecond({olderThan:UInt32})
    )
  )
  GROUP BY stretch
  HAVING count() > 1
)
ARRAY JOIN arrayConcat(
  [(start.1, start.2, reached.1, reached.2, all_events, all_quarantined, latest, 0)],
  arrayMap(
    part -> (part.1, part.2, part.3, part.4, part.5, part.6, part.7, 1),
    arrayFilter(part -> (part.1, part.2, part.4) != (start.1, start.2, reached.2), parts)
  )
) AS row`;

/** Beyond any position. */
const NO_END = Number.MAX_SAFE_INTEGER;

/**
 * Makes few large ranges of many small old ones, of all sources, so that what reads the coverage stays quick: never over a
 * gap, never moving an end. Bounded: what is left is done in the next pass.
 * @param olderThan seconds: younger ranges stay as they are
 * @returns the number of ranges that have gone
 */
export async function compactCoverage(database: Database, olderThan: number): Promise<number> {
  const sources = await database.rows<{ source: string }>(
    `SELECT source FROM coverage WHERE written_at < now64(3) - toIntervalSecond({olderThan:UInt32})
     GROUP BY source HAVING count() > 1`,
    { olderThan },
  );
  for (const { source } of sources) await mergeRanges(database, source, olderThan);
  return await dropDeletions(database);
}

async function mergeRanges(database: Database, source: string, olderThan: number): Promise<void> {
  let first = 0;
  for (let step = 0; step < STEPS_A_PASS && first < NO_END; step++) {
    const [end] = await database.rows<{ position: string }>(
      `SELECT from_position AS position FROM coverage
       WHERE source = {source:String} AND from_position >= {first:UInt64}
         AND written_at < now64(3) - toIntervalSecond({olderThan:UInt32})
       ORDER BY from_position LIMIT 1 OFFSET {ranges:UInt32}`,
      { source, first, olderThan, ranges: RANGES_A_STEP },
    );
    const last = end === undefined ? NO_END : Number(end.position);
    await database.run(MERGE, { source, first, last, olderThan });
    first = last + 1;
  }
}

/**
 * Deletions go with what they delete: left in place, they would be read for ever, and swallow a range that is covered anew
 * after someone took a merged one out by hand.
 */
async function dropDeletions(database: Database): Promise<number> {
  const [row] = await database.rows<{ deletions: string }>(
    'SELECT countIf(is_deleted = 1) AS deletions FROM covered_range_versions',
  );
  const deletions = Number(row?.deletions ?? 0);
  if (deletions > 0) await database.run('OPTIMIZE TABLE covered_range_versions FINAL CLEANUP');
  return deletions;
}
