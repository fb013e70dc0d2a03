import { compareIds } from '../domain/coverage.ts';
import { canonicalDecimal, fits, isRecord, isUtf8, MAX_UINT32 } from '../domain/fields.ts';

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
  /** The records before `next` as they came, malformed ones included. */
  readonly records: unknown[];
  /** Where to go on. */
  readonly next: SubgraphCursor;
  /** A record of this answer that the answer to `next` has to hold again; undefined where it need not hold any. */
  readonly known: SubgraphCursor | undefined;
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
  | {
      readonly ok: true;
      readonly next: SubgraphCursor;
      readonly known: SubgraphCursor | undefined;
      readonly full: boolean;
      /** Records of the page that lie before `next`; those behind them are read again. */
      readonly keep: number;
    }
  | { readonly ok: false; readonly problem: 'untrusted' | 'stuck'; readonly what: string };

/**
 * A full page that ends in the middle of a second is cut at the start of that second, which is then read again as
 * part of the next page: asking for the rest of it first would be one more request a page. Only where more than this
 * share of the page would be thrown away the rest is asked for.
 */
const MOST_CUT = 0.4;

/**
 * Checks that a page is what was asked for (at most `pageSize` records, in order, all after the cursor) and finds
 * where to go on. A record without a usable timestamp and id, or of a time still to come, has no place in the order;
 * it is passed over.
 *
 * - A full page goes on at the start of its last second, or after its last record (see MOST_CUT).
 * - A short page of the rest of a second ends that second.
 * - A short page otherwise has reached the newest second, which is read again, whole: events of the same second with
 *   smaller ids may still come.
 *
 * @param bounds `latest`, unix seconds: a timestamp beyond it is not believed, or it would carry the cursor past what is to
 *   come; `before`: only records before this second were asked for
 */
export function nextCursor(
  records: readonly unknown[],
  cursor: SubgraphCursor,
  pageSize: number,
  bounds: { readonly latest: number; readonly before?: number | undefined },
): NextCursor {
  const { latest, before = Infinity } = bounds;
  if (records.length > pageSize) {
    return untrusted(`answered with ${records.length} records where at most ${pageSize} were asked for`);
  }
  const sameSecond = cursor.id !== '';
  let last: SubgraphCursor | undefined;
  let secondStart = 0;
  let firstSecond: number | undefined;
  let tiesInOrder = true;
  for (const [index, record] of records.entries()) {
    const position = positionOf(record, latest);
    if (position === undefined) continue;
    if (!isAfterCursor(position, cursor) || position.timestamp >= before)
      return untrusted('answered with records that were not asked for');
    if (last !== undefined && position.timestamp < last.timestamp) {
      return untrusted('answered with records that are not in (timestamp, id) order');
    }
    if (position.timestamp !== last?.timestamp) secondStart = index;
    else if (compare(last, position) >= 0) tiesInOrder = false;
    firstSecond ??= position.timestamp;
    last = position;
  }
  const keepAll = records.length;
  if (records.length < pageSize) {
    const timestamp = sameSecond ? cursor.timestamp + 1 : (last?.timestamp ?? cursor.timestamp);
    return going({ timestamp, id: '' }, false, keepAll, last);
  }
  if (last === undefined) {
    const what =
      'answered with a full page in which no record has a usable timestamp and id: no way to go on';
    return { ok: false, problem: 'stuck', what };
  }
  const cut = records.length - secondStart;
  if (!sameSecond && last.timestamp !== firstSecond && cut <= pageSize * MOST_CUT) {
    return going({ timestamp: last.timestamp, id: '' }, true, secondStart, last);
  }
  // Going on after an id needs the server's order by id, or records in between would be lost.
  if (!tiesInOrder) return untrusted('answered with records that are not in (timestamp, id) order');
  return going(last, true, keepAll, last);
}

function going(
  next: SubgraphCursor,
  full: boolean,
  keep: number,
  last: SubgraphCursor | undefined,
): NextCursor {
  const isReadAgain = next.id === '' && last?.timestamp === next.timestamp;
  return { ok: true, next, known: isReadAgain ? last : undefined, full, keep };
}

/**
 * Whether an answer lacks a record that an earlier one held: a reorg took it, or the answer comes from a node that
 * lost or lacks data, and is not to be taken for the end. A full page may end before it.
 */
export function lacksKnown(
  records: readonly unknown[],
  known: SubgraphCursor,
  isFull: boolean,
  latest: number,
): boolean {
  let last: SubgraphCursor | undefined;
  for (const record of records) {
    const position = positionOf(record, latest);
    if (position?.id === known.id && position.timestamp === known.timestamp) return false;
    last = position ?? last;
  }
  return !(isFull && last !== undefined && compare(last, known) < 0);
}

function untrusted(what: string): NextCursor {
  return { ok: false, problem: 'untrusted', what };
}

function positionOf(record: unknown, latest: number): SubgraphCursor | undefined {
  if (!isRecord(record)) return undefined;
  const { id, timestamp } = record;
  if (typeof id !== 'string' || id === '' || !isUtf8(id) || typeof timestamp !== 'string') return undefined;
  const seconds = canonicalDecimal(timestamp);
  if (seconds === undefined || !fits(seconds, MAX_UINT32) || Number(seconds) > latest) return undefined;
  return { timestamp: Number(seconds), id };
}

function isAfterCursor(position: SubgraphCursor, cursor: SubgraphCursor): boolean {
  if (cursor.id === '') return position.timestamp >= cursor.timestamp;
  return position.timestamp === cursor.timestamp && compare(position, cursor) > 0;
}

function compare(a: SubgraphCursor, b: SubgraphCursor): number {
  return a.timestamp - b.timestamp || compareIds(a.id, b.id);
}
