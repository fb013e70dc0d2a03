import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RowBuffer } from '../../src/store/rowBuffer.ts';
import { toLines } from '../../src/store/tables.ts';

const row = fc.string({ unit: 'grapheme', maxLength: 2_000 });

test('rows come out as they went in, however long they are and however many were expected', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), fc.nat(20), (rows, expected) => {
      const buffer = new RowBuffer(expected);
      for (const one of rows) buffer.add(one);
      const { count, lines } = buffer.encoded();
      expect(count).toBe(rows.length);
      expect(lines.toString()).toBe(toLines(rows));
    }),
  );
});
