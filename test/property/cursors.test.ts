import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareCursors, formatCursor, type Cursor } from '../../src/domain/coverage.ts';
import { cursor } from './arbitraries.ts';

/** What the subgraph's database and ClickHouse do: the position as a number, then the bytes of the id. */
function bytes({ position, id }: Cursor): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(position));
  return Buffer.concat([key, Buffer.from(id, 'utf8')]);
}

test('cursors are ordered as their bytes are', () => {
  fc.assert(
    fc.property(cursor, cursor, (a, b) => {
      expect(Math.sign(compareCursors(a, b))).toBe(Buffer.compare(bytes(a), bytes(b)));
    }),
    { numRuns: 2_000 },
  );
});

test('the order of cursors is total', () => {
  fc.assert(
    fc.property(cursor, cursor, cursor, (a, b, c) => {
      expect(Math.sign(compareCursors(a, b))).toBe(0 - Math.sign(compareCursors(b, a)));
      expect(compareCursors(a, b) === 0).toBe(a.position === b.position && a.id === b.id);
      if (compareCursors(a, b) <= 0 && compareCursors(b, c) <= 0) {
        expect(compareCursors(a, c)).toBeLessThanOrEqual(0);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('nothing of a second lies before its start', () => {
  fc.assert(
    fc.property(cursor, (place) => {
      expect(compareCursors({ position: place.position, id: '' }, place)).toBeLessThanOrEqual(0);
      expect(compareCursors(place, { position: place.position + 1, id: '' })).toBeLessThan(0);
    }),
  );
});

test('a cursor is written as one short line that starts with its position', () => {
  fc.assert(
    fc.property(cursor, fc.string({ unit: 'binary' }), (place, more) => {
      const written = formatCursor({ ...place, id: place.id + more });
      expect(written.length).toBeLessThan(60);
      expect(Number.parseInt(written, 10)).toBe(place.position);
      if (place.id + more === '') expect(written).toBe(String(place.position));
    }),
  );
});
