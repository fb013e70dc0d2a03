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
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  let same = 0;
  while (same < shorter && a.charCodeAt(same) === b.charCodeAt(same)) same++;
  if (same === shorter) return a.length - b.length;
  const [unitA, unitB] = [a.charCodeAt(same), b.charCodeAt(same)];
  // Only what takes two units is ordered differently.
  if (!isSurrogate(unitA) && !isSurrogate(unitB)) return unitA - unitB;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** A cursor as people read it: `1714000000` or `1714000000/0xabc…`. */
export function formatCursor(cursor: Cursor): string {
  return cursor.id === '' ? String(cursor.position) : `${cursor.position}/${cursor.id.slice(0, 18)}…`;
}
