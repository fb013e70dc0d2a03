import { expect, onTestFinished, test } from 'vitest';
import type { WritesPayload } from '../../queues/payloads.ts';
import { encodeRows } from '../../src/store/batch.ts';
import { ClickHouseRefused, Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { quarantineRow } from '../../src/store/tables.ts';
import { BatchingWriter } from '../../workers/writes.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
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

/** A database behind a proxy, and a writer that gives an insert up after 300 ms. */
async function troubledWorld() {
  const environment = testEnvironment();
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const database = new Database(testConfig({ ...environment, CLICKHOUSE_URL: proxy.url }).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  const writer = new BatchingWriter(database, { batchRows: 100, maxWaitMs: 10, insertMs: 300 });
  /** As the queue does: again until it works. */
  const insist = async (job: WritesPayload) => {
    for (let tries = 1; ; tries++) {
      const error: unknown = await writer.write(job).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error === undefined) return tries;
      expect(error).toMatchObject({ retry: 'wait' });
    }
  };
  return { proxy, database, writer, insist };
}

test('a server that takes longer than an insert is given gets more time until it is enough', async () => {
  const { proxy, database, insist } = await troubledWorld();
  proxy.makeTrouble({ table: 'quarantine_versions' }, { kind: 'slow', ms: 1_000 });
  const jobs = Array.from({ length: 6 }, (_, index) => payload(`slow-${index}`, 25));
  const tries = await Promise.all(jobs.map(insist));
  expect(Math.max(...tries)).toBeGreaterThan(1);
  expect(await count(database, 'quarantine')).toBe(150);
  expect(await count(database, 'coverage')).toBe(6);
});

test('an insert whose answer is lost is made again, and its rows are there once', async () => {
  const { proxy, database, writer } = await troubledWorld();
  proxy.keepAnswers('quarantine_versions');
  const job = payload('lost', 20);
  await expect(writer.write(job)).rejects.toMatchObject({ timedOut: true });
  expect(await count(database, 'quarantine')).toBe(20);
  expect(await count(database, 'coverage')).toBe(0);
  proxy.heal();
  await writer.write(job);
  expect(await count(database, 'quarantine')).toBe(20);
  expect(await count(database, 'coverage')).toBe(1);
});

test('what is too much for one insert goes in smaller ones', async () => {
  const { proxy, database, insist } = await troubledWorld();
  // A gateway that takes no large bodies.
  proxy.makeTrouble({ table: 'quarantine_versions' }, { kind: 'too large', bytes: 4_000 });
  const jobs = Array.from({ length: 8 }, (_, index) => payload(`large-${index}`, 25));
  await Promise.all(jobs.map(insist));
  expect(proxy.troubled).toBeGreaterThan(0);
  expect(await count(database, 'quarantine')).toBe(200);
});

test('trouble of the server is not taken for a guilty job: nothing is inserted job by job', async () => {
  const { proxy, database, writer } = await troubledWorld();
  proxy.refuseInserts('quarantine_versions', 252);
  const held = Array.from({ length: 4 }, (_, index) => writer.write(payload(`many-${index}`, 20)));
  for (const one of held) await expect(one).rejects.toMatchObject({ serverCode: 252, retry: 'wait' });
  expect(proxy.troubled).toBe(1);
  expect(await count(database, 'quarantine')).toBe(0);
});
