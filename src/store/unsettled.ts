import { positionsOf } from '../base/settings.ts';
import type { Database } from './clickhouse.ts';
import { markRow, TABLES, toLines } from './tables.ts';

/** Positions in one mark, half a minute of them: pages that come one after the other mark the same ones. */
const MARK_LENGTHS = { seconds: 30, blocks: 15 };

/**
 * How often a marked range is read again: 10, 30, 70, 150, 310 and 630 s after the mark (schema/006). For the subgraph
 * until beyond any reorg; final blocks do not change, and are only read again because a node may lack some of them.
 */
const SETTLED_AFTER_CHECKS: Readonly<Record<string, number>> = { goldsky: 6, polygon: 3 };
const MOST_CHECKS = 6;

/** A range that may still change, or late rows that landed in one. Positions; `to` is not included. */
export interface UnsettledRange {
  readonly from: number;
  readonly to: number;
  readonly checks: number;
  /** The server's microsecond of the mark. */
  readonly version: string;
}

/** Rows that mark the positions from `from` up to and with `to`. */
export function unsettledRows(source: string, from: number, to: number): string[] {
  const rows: string[] = [];
  const length = MARK_LENGTHS[positionsOf(source)];
  for (let start = from - (from % length); start <= to; start += length) {
    const mark = { from: start, to: start + length, version: null };
    rows.push(markRow(source, mark, 0, false));
  }
  return rows;
}

/** Ranges whose next reading is due, the most overdue first, and the milliseconds until the next one is. */
export async function dueRanges(
  database: Database,
  source: string,
  limit: number,
): Promise<{ readonly ranges: UnsettledRange[]; readonly nextMs: number }> {
  const rows = await database.rows<{
    from_position: string;
    to_position: string;
    checks: number;
    version: string;
    due_in_ms: string;
  }>(
    `SELECT from_position, to_position, checks, version, dateDiff('millisecond', now64(3), due_at) AS due_in_ms
     FROM unsettled_ranges WHERE source = {source:String} ORDER BY due_at LIMIT {limit:UInt32}`,
    { source, limit },
  );
  const due = rows.filter((row) => Number(row.due_in_ms) <= 0);
  return {
    ranges: due.map((row) => ({
      from: Number(row.from_position),
      to: Number(row.to_position),
      checks: row.checks,
      version: row.version,
    })),
    nextMs: Number(rows[due.length]?.due_in_ms ?? Infinity),
  };
}

/** What a reading answers; version null: whatever the mark's is by now. */
export type Mark = Omit<UnsettledRange, 'version'> & { readonly version: string | null };

/** Puts two marks in the place of one whose range is too much for one answer. */
export async function splitMark(database: Database, source: string, mark: Mark, at: number): Promise<Mark[]> {
  const parts = [
    { ...mark, to: at, version: null },
    { ...mark, from: at, version: null },
  ];
  const rows = [
    ...parts.map((part) => markRow(source, part, part.checks, false)),
    markRow(source, mark, mark.checks, true),
  ];
  await database.insertLines('unsettled_range_versions', TABLES.unsettled_range_versions, [toLines(rows)]);
  return parts;
}

/** Puts a mark off whose range cannot be read again yet. */
export async function postponeMark(database: Database, source: string, mark: Mark): Promise<void> {
  await database.insertLines('unsettled_range_versions', TABLES.unsettled_range_versions, [
    toLines([markRow(source, mark, mark.checks, false)]),
  ]);
}

/** The row that answers a mark after another reading: later again, or done. */
export function answerRow(source: string, mark: Mark, outcome: { readonly changed: boolean }): string {
  // What has just changed may change again.
  const checks = outcome.changed ? 0 : mark.checks + 1;
  return markRow(source, mark, checks, checks >= (SETTLED_AFTER_CHECKS[source] ?? MOST_CHECKS));
}
