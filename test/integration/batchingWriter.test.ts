import { expect, onTestFinished, test } from 'vitest';
import type { WritesPayload } from '../../queues/payloads.ts';
import { encodeRows } from '../../src/store/batch.ts';
import { ClickHouseRefused, Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { quarantineRow } from '../../src/store/tables.ts';
import { BatchingWriter } from '../../workers/writes.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

async function world(): Promise<Database> {
  const database = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  return database;
}

/** Rows for the quarantine: the simplest table. */
function payload(name: string, count: number): WritesPayload {
  const rows = Array.from({ length: count }, (_, index) =>
    quarantineRow('test', `${name}-${index}`, 'reason', '{}', 1_700_000_000_000),
  );
  return {
    rows: { quarantine_versions: encodeRows(rows) },
    coverage: [
      {
        source: name,
        from: { position: 1, id: '' },
        to: { position: 2, id: '' },
        events: count,
        quarantined: 0,
      },
    ],
  };
}

const count = async (database: Database, what: string) =>
  Number((await database.rows<{ n: string }>(`SELECT count() AS n FROM ${what}`))[0]?.n);

test('a job is done only when its rows and its coverage can be read', async () => {
  const database = await world();
  const writer = new BatchingWriter(database, { batchRows: 1_000, maxWaitMs: 50 });
  await Promise.all([writer.write(payload('a', 10)), writer.write(payload('b', 20))]);
  expect(await count(database, 'quarantine')).toBe(30);
  expect(await count(database, 'coverage')).toBe(2);
});

test('enough rows are written at once, without the wait', async () => {
  const database = await world();
  const writer = new BatchingWriter(database, { batchRows: 100, maxWaitMs: 3_600_000 });
  const held = [writer.write(payload('a', 60)), writer.write(payload('b', 60))];
  await Promise.all(held);
  expect(await count(database, 'quarantine')).toBe(120);
});

test('a writer in a hurry holds nothing back', async () => {
  const database = await world();
  const writer = new BatchingWriter(database, { batchRows: 1_000_000, maxWaitMs: 3_600_000 });
  const held = writer.write(payload('a', 5));
  writer.hurry();
  await held;
  await writer.write(payload('b', 5));
  expect(await count(database, 'quarantine')).toBe(10);
});

test('a payload that is refused fails alone', async () => {
  const database = await world();
  const writer = new BatchingWriter(database, { batchRows: 30, maxWaitMs: 3_600_000 });
  // The table of the order events is gone: whoever brings some is refused, the others are not.
  await database.run('DROP TABLE order_event_versions');
  const bad = writer.write({
    ...payload('bad', 10),
    rows: { order_event_versions: { count: 10, lines: '[]\n' } },
  });
  const good = writer.write(payload('good', 20));
  await expect(bad).rejects.toThrow(ClickHouseRefused);
  await good;
  expect(await count(database, 'quarantine')).toBe(20);
  expect(await count(database, 'coverage')).toBe(1);
});
