import type { Cursor } from '../domain/coverage.ts';
import type { Span } from '../domain/spans.ts';
import type { Database } from './clickhouse.ts';

/** Stretches listed of a source; all are counted. */
const LISTED = 100;

/** Covered without a gap: ranges that touch or overlap. */
export interface Stretch extends Span {
  /** Rows of `coverage`: a page each, or many that became one (compact.ts). */
  readonly ranges: number;
  /** Order events in the pages: one that was read twice counts twice. */
  readonly events: number;
  readonly quarantined: number;
}

/** What nothing covers, between two stretches. */
export interface Gap extends Span {
  /** It ends where the source, or a backfill, was told to begin; any other was lost and is fetched again. */
  readonly leftOnPurpose: boolean;
}

/** How complete a source is, as its coverage says. */
export interface SourceReport {
  readonly source: string;
  /** Where its coverage begins, and the furthest place covered. */
  readonly from: Cursor;
  readonly to: Cursor;
  readonly ranges: number;
  readonly gapCount: number;
  /** Gaps that nobody left on purpose. */
  readonly lostGapCount: number;
  /** Ranges that overlap an earlier one, and positions that are covered more than once by them. */
  readonly overlappingRanges: number;
  readonly coveredAgain: number;
  /** Ranges that are still read again, because a reorg may change them. */
  readonly unsettledRanges: number;
  /** The first ones, and the gaps between them. */
  readonly stretches: readonly Stretch[];
  readonly gaps: readonly Gap[];
}

type Numeral = string;

interface ReportRow {
  readonly source: string;
  readonly ranges: Numeral;
  readonly gaps: Numeral;
  readonly lost_gaps: Numeral;
  readonly overlapping: Numeral;
  readonly covered_again: Numeral;
  readonly unsettled: Numeral;
  readonly last: readonly [Numeral, string];
  readonly stretches: readonly (readonly [
    ...start: [Numeral, string],
    ...reached: [Numeral, string],
    ranges: Numeral,
    events: Numeral,
    quarantined: Numeral,
    isStart: number,
  ])[];
}

/** How complete each source is that has any coverage; cheap enough to be asked every few seconds. */
export async function coverageReport(database: Database): Promise<SourceReport[]> {
  const rows = await database.rows<ReportRow>(
    `SELECT source, sum(stretch.ranges) AS ranges, count() - 1 AS gaps, countIf(nth_stretch > 0 AND NOT is_start) AS lost_gaps,
       sum(stretch.overlapping) AS overlapping, sum(stretch.covered_again) AS covered_again, any(u.unsettled) AS unsettled,
       max(reached) AS last,
       groupArraySorted({listed:UInt32})((start.1, start.2, reached.1, reached.2, stretch.ranges, events, quarantined, is_start))
         AS stretches
     FROM
     (
       SELECT source, nth_stretch, min((from_position, from_id)) AS start, max((to_position, to_id)) AS reached,
         count() AS ranges, sum(events) AS events, sum(quarantined) AS quarantined,
         countIf(again > 0) AS overlapping, sum(again) AS covered_again,
         (source, start.1, start.2) IN (SELECT source, position, id FROM coverage_start_versions) AS is_start
       FROM
       (
         SELECT source, from_position, from_id, to_position, to_id, events, quarantined,
           if(nth > 1 AND before.1 > from_position, least(before.1, to_position) - from_position, 0) AS again,
           countIf(nth > 1 AND (from_position, from_id) > before)
             OVER (PARTITION BY source ORDER BY from_position, from_id, to_id) AS nth_stretch
         FROM
         (
           SELECT *,
             max((to_position, to_id)) OVER (
               PARTITION BY source ORDER BY from_position, from_id, to_id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
             ) AS before,
             row_number() OVER (PARTITION BY source ORDER BY from_position, from_id, to_id) AS nth
           FROM coverage
         )
       )
       GROUP BY source, nth_stretch
     ) AS stretch
     LEFT JOIN (SELECT source, count() AS unsettled FROM unsettled_ranges GROUP BY source) AS u ON u.source = stretch.source
     GROUP BY source ORDER BY source`,
    { listed: LISTED },
  );
  return rows.flatMap(toReport);
}

function toReport(row: ReportRow): SourceReport[] {
  const listed = row.stretches.map(([position, id, end, endId, ranges, events, quarantined, isStart]) => ({
    from: { position: Number(position), id },
    to: { position: Number(end), id: endId },
    ranges: Number(ranges),
    events: Number(events),
    quarantined: Number(quarantined),
    isStart: isStart === 1,
  }));
  const [first] = listed;
  if (first === undefined) return [];
  const gaps = listed.slice(1).map(({ from, isStart }, index) => ({
    from: listed[index]?.to ?? from,
    to: from,
    leftOnPurpose: isStart,
  }));
  return [
    {
      source: row.source,
      from: first.from,
      to: { position: Number(row.last[0]), id: row.last[1] },
      ranges: Number(row.ranges),
      gapCount: Number(row.gaps),
      lostGapCount: Number(row.lost_gaps),
      overlappingRanges: Number(row.overlapping),
      coveredAgain: Number(row.covered_again),
      unsettledRanges: Number(row.unsettled),
      stretches: listed.map(({ isStart: _, ...stretch }) => stretch),
      gaps,
    },
  ];
}
