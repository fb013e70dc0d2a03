import { fits, canonicalDecimal, isRecord, MAX_UINT32 } from '../domain/fields.ts';

/**
 * A place in the subgraph's sequence, which is ordered by (timestamp, id): everything strictly after it is still to
 * be read. An empty id means that nothing of second `timestamp` has been read yet.
 */
export interface SubgraphCursor {
  /** Unix seconds. */
  readonly timestamp: number;
  /** As the subgraph spells it: ids compare bytewise. */
  readonly id: string;
}

/** One answer of the subgraph, in its order. */
export interface SubgraphPage {
  /** As they came, malformed ones included. */
  readonly records: unknown[];
  /** Where to go on. */
  readonly next: SubgraphCursor;
  /** The page was full: more may follow at once. */
  readonly full: boolean;
  /** The request was for the rest of one second (the cursor had an id). */
  readonly sameSecond: boolean;
  /** How far the subgraph has indexed; undefined where it does not say. */
  readonly head: SubgraphHead | undefined;
}

export interface SubgraphHead {
  readonly blockNumber: number;
  /** Unix seconds of that block. */
  readonly timestamp: number;
}

export type NextCursor =
  | { readonly ok: true; readonly next: SubgraphCursor; readonly full: boolean }
  | { readonly ok: false; readonly problem: 'untrusted' | 'stuck'; readonly what: string };

/**
 * Checks that a page is what was asked for (at most `pageSize` records, strictly ascending, all after the cursor)
 * and finds where to go on. A record without a usable timestamp and id has no place in the order; it is passed over.
 *
 * - A full page goes on after its last usable record; records behind that one are read again.
 * - A short page of the rest of a second ends that second.
 * - A short page otherwise has reached the newest second, which is read again, whole: events of the same second with
 *   smaller ids may still come.
 */
export function nextCursor(
  records: readonly unknown[],
  cursor: SubgraphCursor,
  pageSize: number,
): NextCursor {
  if (records.length > pageSize) {
    return untrusted(`answered with ${records.length} records where at most ${pageSize} were asked for`);
  }
  const sameSecond = cursor.id !== '';
  let last: SubgraphCursor | undefined;
  for (const record of records) {
    const position = positionOf(record);
    if (position === undefined) continue;
    if (!isAfterCursor(position, cursor)) return untrusted('answered with records that were not asked for');
    if (last !== undefined && compare(last, position) >= 0) {
      return untrusted('answered with records that are not in (timestamp, id) order');
    }
    last = position;
  }
  const full = records.length === pageSize;
  if (full) {
    if (last !== undefined) return { ok: true, next: last, full };
    const what =
      'answered with a full page in which no record has a usable timestamp and id: no way to go on';
    return { ok: false, problem: 'stuck', what };
  }
  if (sameSecond) return { ok: true, next: { timestamp: cursor.timestamp + 1, id: '' }, full };
  return { ok: true, next: { timestamp: last?.timestamp ?? cursor.timestamp, id: '' }, full };
}

function untrusted(what: string): NextCursor {
  return { ok: false, problem: 'untrusted', what };
}

function positionOf(record: unknown): SubgraphCursor | undefined {
  if (!isRecord(record)) return undefined;
  const { id, timestamp } = record;
  if (typeof id !== 'string' || id === '' || typeof timestamp !== 'string') return undefined;
  const seconds = canonicalDecimal(timestamp);
  // A time beyond the tables' range would carry the cursor past everything that is still to come.
  if (seconds === undefined || !fits(seconds, MAX_UINT32)) return undefined;
  return { timestamp: Number(seconds), id };
}

function isAfterCursor(position: SubgraphCursor, cursor: SubgraphCursor): boolean {
  if (cursor.id === '') return position.timestamp >= cursor.timestamp;
  return position.timestamp === cursor.timestamp && compare(position, cursor) > 0;
}

function compare(a: SubgraphCursor, b: SubgraphCursor): number {
  return a.timestamp - b.timestamp || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id));
}
