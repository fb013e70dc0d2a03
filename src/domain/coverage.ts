/**
 * A place in a source's sequence: everything up to and with (position, id) lies behind it. For the subgraph the
 * position is a unix second and the id an event id, for logs a block and ''. (N, '') lies before all of N.
 */
export interface Cursor {
  readonly position: number;
  readonly id: string;
}

/** What one page covers: everything after `from`, up to and with `to`. */
export interface CoveredRange {
  readonly source: string;
  readonly from: Cursor;
  readonly to: Cursor;
  /** Order events in the range, usable ones. */
  readonly events: number;
  readonly quarantined: number;
}

/** Order of cursors: negative where a lies before b. */
export function compareCursors(a: Cursor, b: Cursor): number {
  return a.position - b.position || compareIds(a.id, b.id);
}

/** Order of ids, bytewise as graph-node (C collation) and ClickHouse have it; JavaScript's own goes by UTF-16 units. */
export function compareIds(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** A cursor as people read it: `1714000000` or `1714000000/0xabc…`. */
export function formatCursor(cursor: Cursor): string {
  return cursor.id === '' ? String(cursor.position) : `${cursor.position}/${cursor.id.slice(0, 18)}…`;
}
