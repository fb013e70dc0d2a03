import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeRows, writeBatch, type EncodedRows } from '../../src/store/batch.ts';
import { DATA_TABLES, type DataTable } from '../../src/store/tables.ts';
import { RowDatabase } from './rowDatabase.ts';

/** Some rows of a table, in parts; a row is bad where its number is below `badBelow`. */
const tableRows = fc.record({
  table: fc.constantFrom(...DATA_TABLES.filter((table) => table !== 'quarantine_versions')),
  parts: fc.array(fc.array(fc.nat(99), { maxLength: 60 }), { maxLength: 4 }),
  badBelow: fc.constantFrom(0, 2, 50, 100),
});

test('exactly the bad rows end in quarantine, all others are in, and few inserts find that out', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(tableRows, { selector: ({ table }) => table, maxLength: 3 }),
      async (tables) => {
        const rows: Partial<Record<DataTable, EncodedRows[]>> = {};
        const good = new Map<string, string[]>();
        const bad: string[] = [];
        let most = 1;
        for (const { table, parts, badBelow } of tables) {
          let nth = 0;
          const made = parts.map((part) =>
            part.map((number) => ({ row: JSON.stringify([table, nth++]), isBad: number < badBelow })),
          );
          rows[table] = made.map((part) => encodeRows(part.map(({ row }) => row)));
          good.set(
            table,
            made.flat().flatMap(({ row, isBad }) => (isBad ? [] : [row])),
          );
          const badHere = made.flat().flatMap(({ row, isBad }) => (isBad ? [row] : []));
          bad.push(...badHere);
          // One for all, and for each bad row the two halves at each level above it.
          most += 1 + 2 * badHere.length * Math.ceil(Math.log2(Math.max(2, nth)));
        }
        const badRows = new Set(bad);
        const clickhouse = new RowDatabase((_table, row) => badRows.has(row));
        expect(await writeBatch(clickhouse.database, { rows, coverage: [] })).toBe(bad.length);
        for (const [table, wanted] of good)
          expect(clickhouse.rows(table).toSorted()).toEqual(wanted.toSorted());
        const kept = clickhouse.rows('quarantine_versions').map((row) => (JSON.parse(row) as string[])[3]);
        expect(kept.toSorted()).toEqual(bad.toSorted());
        expect(clickhouse.inserts.length).toBeLessThanOrEqual(most);
      },
    ),
    { numRuns: 300 },
  );
});
