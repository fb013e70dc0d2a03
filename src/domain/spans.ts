import { compareCursors, type Cursor } from './coverage.ts';

/** A stretch of a source: everything after `from`, up to and with `to`. */
export interface Span {
  readonly from: Cursor;
  readonly to: Cursor;
}

/** What of the spans lies in none of the others. Both may overlap and be in any order; the result is in order. */
export function subtractSpans(spans: readonly Span[], others: readonly Span[]): Span[] {
  const taken = joinSpans(others);
  return joinSpans(spans).flatMap((span) => {
    const left: Span[] = [];
    let { from } = span;
    for (const other of taken) {
      if (compareCursors(other.to, from) <= 0) continue;
      if (compareCursors(other.from, span.to) >= 0) break;
      if (compareCursors(other.from, from) > 0) left.push({ from, to: other.from });
      from = other.to;
    }
    if (compareCursors(from, span.to) < 0) left.push({ from, to: span.to });
    return left;
  });
}

/** What of the spans lies in any of the others, in order. */
export function intersectSpans(spans: readonly Span[], others: readonly Span[]): Span[] {
  return subtractSpans(spans, subtractSpans(spans, others));
}

export function spansOverlap(a: Span, b: Span): boolean {
  return compareCursors(a.from, b.to) < 0 && compareCursors(b.from, a.to) < 0;
}

/** Positions that a span reaches over; one within a single position counts as one. */
export function spanLength({ from, to }: Span): number {
  return compareCursors(from, to) >= 0 ? 0 : Math.max(to.position - from.position, 1);
}

/** The first position that a span has nothing of. */
export function endPosition({ to }: Span): number {
  return to.position + (to.id === '' ? 0 : 1);
}

/** The same places in as few spans as there can be, in order; empty ones are left out. */
function joinSpans(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  const ordered = spans
    .filter(({ from, to }) => compareCursors(from, to) < 0)
    .toSorted((a, b) => compareCursors(a.from, b.from));
  for (const span of ordered) {
    const last = joined.at(-1);
    if (last === undefined || compareCursors(span.from, last.to) > 0) joined.push(span);
    else if (compareCursors(span.to, last.to) > 0)
      joined[joined.length - 1] = { from: last.from, to: span.to };
  }
  return joined;
}
