import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareCursors, type Cursor } from '../../src/domain/coverage.ts';
import { intersectSpans, spansOverlap, subtractSpans, type Span } from '../../src/domain/spans.ts';

const place = fc.record({
  position: fc.integer({ min: 0, max: 5 }),
  id: fc.constantFrom('', 'a', 'b', 'é'),
});
const span = fc.tuple(place, place).map(([a, b]) => {
  const [from, to] = compareCursors(a, b) <= 0 ? [a, b] : [b, a];
  return { from, to };
});
const spans = fc.array(span, { maxLength: 6 });

/** The line in its smallest pieces: in each of them a span is everything or nothing. */
const PIECES: Span[] = [0, 1, 2, 3, 4, 5]
  .flatMap((position) => ['', 'a', 'b', 'é'].map((id): Cursor => ({ position, id })))
  .map((from, index, places) => ({ from, to: places[index + 1] ?? from }))
  .slice(0, -1);

const holds = (some: readonly Span[], piece: Span) =>
  some.some(({ from, to }) => compareCursors(from, piece.from) <= 0 && compareCursors(to, piece.to) >= 0);
const numbers = (some: readonly Span[]) =>
  PIECES.flatMap((piece, index) => (holds(some, piece) ? [index] : []));

test('what is left, and what is common, of any spans: piece by piece', () => {
  fc.assert(
    fc.property(spans, spans, (some, others) => {
      const [mine, theirs] = [numbers(some), numbers(others)];
      const left = subtractSpans(some, others);
      expect(numbers(left)).toEqual(mine.filter((index) => !theirs.includes(index)));
      expect(numbers(intersectSpans(some, others))).toEqual(mine.filter((index) => theirs.includes(index)));
      // In order, none empty, none touching the next.
      left.forEach(({ from, to }, index) => {
        expect(compareCursors(from, to)).toBeLessThan(0);
        const next = left[index + 1];
        if (next !== undefined) expect(compareCursors(to, next.from)).toBeLessThan(0);
      });
    }),
  );
});

test('two spans overlap where they have a piece in common', () => {
  fc.assert(
    fc.property(span, span, (a, b) => {
      fc.pre(compareCursors(a.from, a.to) < 0 && compareCursors(b.from, b.to) < 0);
      const common = numbers([a]).some((index) => numbers([b]).includes(index));
      expect(spansOverlap(a, b)).toBe(common);
    }),
  );
});
