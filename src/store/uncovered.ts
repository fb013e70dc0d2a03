import type { Cursor } from '../domain/coverage.ts';
import { intersectSpans, type Span } from '../domain/spans.ts';
import type { Database } from './clickhouse.ts';

type Place = readonly [position: string, id: string];

export interface Uncovered {
  /** What nothing covers, in order. */
  readonly missing: readonly Span[];
  /** Order events in the pages that cover the rest; one that was read twice counts twice. */
  readonly events: number;
}

/** What of a stretch of a source nothing covers. */
export async function uncovered(database: Database, source: string, window: Span): Promise<Uncovered> {
  const [row] = await database.rows<{
    ranges: string;
    events: string;
    first: Place;
    last: Place;
    gaps: readonly (readonly [Place, Place])[];
  }>(
    `SELECT count() AS ranges, sum(events) AS events, min(start) AS first, max(reach) AS last,
       groupArrayIf((before, start), nth > 1 AND start > before) AS gaps
     FROM
     (
       SELECT (from_position, from_id) AS start, (to_position, to_id) AS reach, events,
         max((to_position, to_id)) OVER (
           ORDER BY from_position, from_id, to_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
         ) AS before,
         row_number() OVER (ORDER BY from_position, from_id, to_id) AS nth
       FROM coverage
       WHERE source = {source:String} AND from_position <= {to:UInt64} AND to_position >= {from:UInt64}
     )`,
    { source, from: window.from.position, to: window.to.position },
  );
  if (row === undefined || Number(row.ranges) === 0) return { missing: [window], events: 0 };
  const around = [
    { from: window.from, to: toCursor(row.first) },
    ...row.gaps.map(([from, to]) => ({ from: toCursor(from), to: toCursor(to) })),
    { from: toCursor(row.last), to: window.to },
  ];
  return { missing: intersectSpans(around, [window]), events: Number(row.events) };
}

function toCursor([position, id]: Place): Cursor {
  return { position: Number(position), id };
}
