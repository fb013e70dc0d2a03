import { createHash } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import { ClickHouseRefused, Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { outcomeOf, quarantineGroups, quarantinePages } from '../../src/store/quarantine.ts';
import { rowHash } from '../../src/store/rowKey.ts';
import { orderEventRow, quarantineRow, TABLES, toLines } from '../../src/store/tables.ts';
import { parseSubgraphEvent } from '../../src/domain/parseOrderEvent.ts';
import { compareReread } from '../../workers/compare.ts';
import type { WorkerContext } from '../../workers/context.ts';
import { exampleToken, exampleTrade } from '../support/examples.ts';
import { quarantined } from '../../workers/quarantine.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const SECOND = 1_714_000_000;
const RECEIVED = 1_714_000_005_000;

async function world() {
  const environment = testEnvironment();
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const database = new Database(testConfig({ ...environment, CLICKHOUSE_URL: proxy.url }).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  return { database, proxy };
}

/** A row of an order event; only what the tests look at. */
function eventRow(values: Partial<Record<(typeof TABLES)['order_event_versions'][number], unknown>>): string {
  const usual: typeof values = {
    timestamp: SECOND,
    log_index: 0,
    block_number: 0,
    is_taker_side: 0,
    version: 2,
    is_deleted: 0,
    exchange_version: 1,
  };
  const amounts: typeof values = { usd_amount: '1.0', token_amount: '1.0', fee: '0.0' };
  const row = { ...usual, ...amounts, ...values };
  return JSON.stringify(TABLES.order_event_versions.map((column) => row[column] ?? ''));
}

async function insertQuarantined(database: Database, rows: readonly string[]): Promise<void> {
  await database.insertLines('quarantine_versions', TABLES.quarantine_versions, [toLines(rows)]);
}

const inQuarantine = async (database: Database) =>
  await database.rows<{ source: string; reason: string; record: string }>(
    'SELECT source, reason, record FROM quarantine ORDER BY source, record',
  );

const resolution = (row: string, more: { readonly hash?: string; readonly source?: string } = {}) => ({
  source: 'goldsky',
  hash: 'h',
  receivedAt: RECEIVED,
  row: rowHash('order_event_versions', row),
  ...more,
});

describe('a record that has become a row', () => {
  test('leaves the quarantine after the row is in, not before', async () => {
    const { database, proxy } = await world();
    await insertQuarantined(database, [quarantineRow('goldsky', 'h', 'r', '{"a":1}', RECEIVED)]);
    const row = eventRow({ order_hash: 'a' });
    const batch = {
      rows: { order_event_versions: [encodeRows([row])] },
      coverage: [],
      resolved: [resolution(row)],
    };
    proxy.refuseInserts('order_event_versions', 60);
    await expect(writeBatch(database, batch)).rejects.toThrow(ClickHouseRefused);
    expect(await inQuarantine(database)).toHaveLength(1);

    proxy.heal();
    for (let times = 0; times < 2; times++) await writeBatch(database, batch);
    expect(await inQuarantine(database)).toEqual([]);
    expect(await outcomeOf(database, 'goldsky', ['h'])).toEqual({ used: 1, refusedBy: new Map() });

    // The job that quarantined it, done once more, changes nothing; the record coming again does.
    await insertQuarantined(database, [quarantineRow('goldsky', 'h', 'r', '{"a":1}', RECEIVED)]);
    expect(await inQuarantine(database)).toEqual([]);
    await insertQuarantined(database, [quarantineRow('goldsky', 'h', 'r', '{"a":1}', RECEIVED + 60_000)]);
    expect(await inQuarantine(database)).toHaveLength(1);
  });

  test('is in quarantine as that row where ClickHouse refuses it, and once', async () => {
    const { database } = await world();
    await insertQuarantined(database, [quarantineRow('goldsky', 'h', 'r', '{"a":1}', RECEIVED)]);
    const row = eventRow({ order_hash: 'a', usd_amount: 'no number' });
    await writeBatch(database, {
      rows: { order_event_versions: [encodeRows([row])] },
      coverage: [],
      resolved: [resolution(row)],
    });
    const refused = {
      source: 'clickhouse.order_event_versions',
      reason: 'refused by ClickHouse: CANNOT_PARSE_INPUT_ASSERTION_FAILED in usd_amount',
      record: row,
    };
    expect(await inQuarantine(database)).toEqual([refused]);
    expect((await outcomeOf(database, 'goldsky', ['h'])).refusedBy).toEqual(
      new Map([['refused by ClickHouse', 1]]),
    );

    // Sent again as it is, it is refused again; a later version of it replaces it.
    const again = resolution(row, { source: refused.source, hash: rowHash('order_event_versions', row) });
    await writeBatch(database, {
      rows: { order_event_versions: [encodeRows([row])] },
      coverage: [],
      resolved: [again],
    });
    expect(await inQuarantine(database)).toEqual([refused]);
    const later = eventRow({ order_hash: 'a', usd_amount: 'no number', version: 4 });
    await writeBatch(database, { rows: { order_event_versions: [encodeRows([later])] }, coverage: [] });
    expect((await inQuarantine(database)).map(({ record }) => record)).toEqual([later]);
  });
});

test('the reason of a refused row is the same for all rows with the same trouble', async () => {
  const { database } = await world();
  await database.run("ALTER TABLE order_event_versions ADD CONSTRAINT no_x CHECK maker != 'x'");
  const rows = [
    ...[1, 2, 3].map((n) => eventRow({ order_hash: `a${n}`, maker: 'x', token_id: String(n) })),
    ...[1, 2].map((n) => eventRow({ order_hash: `b${n}`, fee: '9'.repeat(20 + n) })),
    '[1, 2]',
    '{"not": "a row"}',
  ];
  expect(
    await writeBatch(database, { rows: { order_event_versions: [encodeRows(rows)] }, coverage: [] }),
  ).toBe(rows.length);
  const groups = await quarantineGroups(database, {}, 10);
  expect(groups.map(({ reason, records }) => `${records} ${reason}`)).toEqual([
    '3 refused by ClickHouse: VIOLATED_CONSTRAINT no_x',
    '2 refused by ClickHouse: ARGUMENT_OUT_OF_BOUND in fee',
    '2 refused by ClickHouse: CANNOT_PARSE_INPUT_ASSERTION_FAILED',
  ]);
});

test('an event whose row ClickHouse refuses is no change of its range, which would be read again without end', async () => {
  const { database } = await world();
  await database.run("ALTER TABLE order_event_versions ADD CONSTRAINT none CHECK order_hash = ''");
  const record = exampleTrade({ token: exampleToken('refused', 0), second: SECOND });
  const parsed = parseSubgraphEvent(record, 'goldsky');
  if (!parsed.ok) throw new Error(parsed.reason);
  const checksAfter = async () => {
    const slice = { from: { position: SECOND, id: '' }, to: { position: SECOND + 1, id: '' } };
    const mark = { from: SECOND, to: SECOND + 1, checks: 2, version: '7' };
    const reread = { reason: 'settle', request: 'r', slice, mark } as const;
    const payload = { source: 'goldsky', fetchedAt: RECEIVED, range: null, records: [record], reread };
    const { toWrite, marks } = await compareReread(
      { database } as WorkerContext,
      payload,
      [parsed.event],
      false,
    );
    expect(toWrite.size).toBe(1);
    return (JSON.parse(marks[0] ?? '') as unknown[])[TABLES.unsettled_range_versions.indexOf('checks')];
  };
  expect(await checksAfter()).toBe(0);
  const row = orderEventRow(parsed.event, undefined, undefined, RECEIVED);
  await writeBatch(database, { rows: { order_event_versions: [encodeRows([row])] }, coverage: [] });
  expect(await checksAfter()).toBe(3);
});

test('a large quarantine is read in pages of 500 records and a megabyte, each record once', async () => {
  const { database } = await world();
  const small = Array.from({ length: 2_300 }, (_, index) =>
    quarantined(
      index % 2 === 0 ? 'goldsky' : 'gamma',
      'small',
      { index },
      RECEIVED + ((index * 7_919) % 1_000),
    ),
  );
  const large = [400_000, 400_000, 400_000, 3_000_000].map((length, index) =>
    quarantined('goldsky', 'large', { index, text: 'é'.repeat(length / 2) }, RECEIVED),
  );
  await insertQuarantined(database, [...small, ...large]);
  const hashes: string[] = [];
  for await (const { source, records } of quarantinePages(database, {})) {
    expect(records.length).toBeLessThanOrEqual(500);
    const bytes = records.reduce((sum, { record }) => sum + Buffer.byteLength(record), 0);
    if (records.length > 1) expect(bytes).toBeLessThanOrEqual(1_000_000);
    for (const { hash, record } of records) {
      expect(createHash('sha256').update(record).digest('hex')).toBe(hash);
      hashes.push(`${source} ${hash}`);
    }
    const times = records.map(({ receivedAt }) => receivedAt);
    expect(times).toEqual(times.toSorted());
  }
  expect(hashes).toHaveLength(2_304);
  expect(new Set(hashes).size).toBe(2_304);

  let found = 0;
  for await (const { records } of quarantinePages(database, { source: 'goldsky', reason: 'larg' }))
    found += records.length;
  expect(found).toBe(4);
});
