import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configureLogging } from '../../src/base/log.ts';
import type { WritesPayload } from '../../queues/payloads.ts';
import { encodeRows } from '../../src/store/batch.ts';
import { ClickHouseRefused, ClickHouseUnavailable } from '../../src/store/clickhouse.ts';
import { coverageRow, TABLES, type DataTable } from '../../src/store/tables.ts';
import { BatchingWriter } from '../../workers/writes.ts';
import { RowDatabase, type Trouble } from './rowDatabase.ts';

configureLogging('silent');

const TABLE_NAMES = ['order_event_versions', 'market_versions'] as const satisfies readonly DataTable[];

/** A write job: which of its rows are bad, by table, and how many ranges it covers. */
const job = fc.record({
  rows: fc.tuple(...TABLE_NAMES.map(() => fc.array(fc.nat(20), { maxLength: 12 }))),
  ranges: fc.nat(2),
  /** Milliseconds before it comes; most come at once. */
  pause: fc.constantFrom(0, 0, 0, 0, 1, 3),
});

const trouble = fc.option(
  fc.constantFrom<Trouble>('no answer, nothing in', 'no answer, rows in', 'refused'),
  { nil: undefined, freq: 3 },
);

interface Job {
  readonly payload: WritesPayload;
  readonly good: readonly string[];
  readonly bad: readonly string[];
  readonly ranges: readonly string[];
}

function makeJob({ rows, ranges }: typeof job extends fc.Arbitrary<infer T> ? T : never, nth: number): Job {
  const byTable = rows.map((numbers, at) =>
    numbers.map((number, place) =>
      JSON.stringify([TABLE_NAMES[at], nth, place, number === 0 ? 'bad' : 'good']),
    ),
  );
  const coverage = Array.from({ length: ranges }, (_, place) => ({
    source: `job ${nth}`,
    from: { position: place, id: '' },
    to: { position: place + 1, id: '' },
    events: 1,
    quarantined: 0,
  }));
  const all = byTable.flat();
  return {
    payload: {
      rows: Object.fromEntries(TABLE_NAMES.map((table, at) => [table, encodeRows(byTable[at] ?? [])])),
      coverage,
    },
    good: all.filter((row) => !isBad(row)),
    bad: all.filter(isBad),
    ranges: coverage.map(coverageRow),
  };
}

const isBad = (row: string) => row.endsWith('"bad"]');

/** When each row came in first; of a bad one, when it came into quarantine. */
function arrivals(clickhouse: RowDatabase): Map<string, number> {
  const first = new Map<string, number>();
  for (const [at, { table, rows, isIn }] of clickhouse.inserts.entries()) {
    for (const row of isIn ? rows : []) {
      const original = table === 'quarantine_versions' ? (JSON.parse(row) as string[])[3] : row;
      if (original !== undefined && !first.has(original)) first.set(original, at);
    }
  }
  return first;
}

test('whatever is written and whatever ClickHouse does, a done job is in, covered after its rows, and nothing is lost', async () => {
  const scenario = fc.record({
    jobs: fc.array(job, { minLength: 1, maxLength: 15 }),
    troubles: fc.array(trouble, { maxLength: 12 }),
    batchRows: fc.integer({ min: 1, max: 60 }),
    maxWaitMs: fc.nat(2),
    hurriesAfter: fc.option(fc.nat(14), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ jobs, troubles, batchRows, maxWaitMs, hurriesAfter }) => {
      const clickhouse = new RowDatabase(
        (table, row) => table !== 'quarantine_versions' && isBad(row),
        troubles,
      );
      const writer = new BatchingWriter(clickhouse.database, { batchRows, maxWaitMs });
      const made = jobs.map(makeJob);

      /** As the queue does: a job that failed comes again. */
      const done = async ({ payload, good, bad, ranges }: Job): Promise<void> => {
        for (;;) {
          try {
            await writer.write(payload);
            break;
          } catch (error) {
            if (!(error instanceof ClickHouseUnavailable) && !(error instanceof ClickHouseRefused))
              throw error;
          }
        }
        const first = arrivals(clickhouse);
        expect([...good, ...bad, ...ranges].filter((row) => !first.has(row))).toEqual([]);
      };
      const all: Promise<void>[] = [];
      for (const [nth, one] of made.entries()) {
        const pause = jobs[nth]?.pause ?? 0;
        if (pause > 0) await sleep(pause);
        all.push(done(one));
        if (nth === hurriesAfter) writer.hurry();
      }
      await Promise.all(all);

      expect(clickhouse.mostAtOnce).toBeLessThanOrEqual(1);
      const first = arrivals(clickhouse);
      for (const { good, bad, ranges } of made) {
        const lastRow = Math.max(-1, ...[...good, ...bad].map((row) => first.get(row) ?? Infinity));
        for (const range of ranges) expect(first.get(range)).toBeGreaterThan(lastRow);
      }
    }),
    { numRuns: 200 },
  );
}, 30_000);

test('a writer in a hurry waits for nothing, however long it may hold rows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(job, { minLength: 1, maxLength: 8 }), fc.nat(7), async (jobs, before) => {
      const clickhouse = new RowDatabase(() => false);
      const writer = new BatchingWriter(clickhouse.database, { batchRows: 1_000_000, maxWaitMs: 3_600_000 });
      const made = jobs.map(makeJob);
      const held = made.slice(0, before).map((one) => writer.write(one.payload));
      writer.hurry();
      held.push(...made.slice(before).map((one) => writer.write(one.payload)));
      await Promise.all(held);
      const rows = Object.keys(TABLES).flatMap((table) => clickhouse.rows(table));
      expect(rows.toSorted()).toEqual(
        made.flatMap(({ good, bad, ranges }) => [...good, ...bad, ...ranges]).toSorted(),
      );
    }),
  );
});
