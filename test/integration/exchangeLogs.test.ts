import { expect, onTestFinished, test } from 'vitest';
import type { OrderEvent } from '../../src/domain/orderEvent.ts';
import { parseExchangeLog } from '../../src/domain/parseLog.ts';
import { parseSubgraphEvent, type ParsedOrderEvent } from '../../src/domain/parseOrderEvent.ts';
import { toTrade } from '../../src/domain/trade.ts';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { relabel } from '../../src/store/labels.ts';
import { migrate, readMigrations } from '../../src/store/migrate.ts';
import { orderEventRow, TABLES, toLines, unlabelledTokenRow } from '../../src/store/tables.ts';
import { EXCHANGE_V1, exampleLogV1, exampleLogV2, PLACE } from '../support/exampleLogs.ts';
import { exampleTrade } from '../support/examples.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const FETCHED_AT = 1_785_423_180_000;
const EXCHANGES = new Set([EXCHANGE_V1, PLACE.address]);

function database(): Database {
  const made = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => made.close());
  return made;
}

function eventOf(parsed: ParsedOrderEvent): OrderEvent {
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.event;
}

const rowOf = (event: OrderEvent) => orderEventRow(event, toTrade(event, EXCHANGES), undefined, FETCHED_AT);

const v1 = eventOf(parseExchangeLog(exampleLogV1({ logIndex: 1 }), 'polygon'));
const v2 = eventOf(parseExchangeLog(exampleLogV2({ logIndex: 2 }), 'polygon'));

async function write(db: Database, rows: Parameters<typeof writeBatch>[1]['rows']): Promise<void> {
  expect(await writeBatch(db, { rows, coverage: [] })).toBe(0);
}

test('the views say which asset a fee is in: what the maker of V1 receives, and the collateral since', async () => {
  const db = database();
  await migrate(db);
  const sells = { ...v1, id: `${v1.transactionHash}-3`, logIndex: 3, makerAssetId: '7', takerAssetId: '0' };
  const noTrade = { ...v1, id: `${v1.transactionHash}-4`, logIndex: 4, makerAssetId: '9' };
  await write(db, { order_event_versions: [encodeRows([v1, v2, sells, noTrade].map(rowOf))] });
  const columns = 'log_index, exchange_version, builder, fee_asset_id';
  const trades = [
    { log_index: 1, exchange_version: 1, builder: '', fee_asset_id: '7' },
    { log_index: 2, exchange_version: 2, builder: v2.builder, fee_asset_id: '0' },
    { log_index: 3, exchange_version: 1, builder: '', fee_asset_id: '0' },
  ];
  expect(await db.rows(`SELECT ${columns} FROM trades ORDER BY log_index`)).toEqual(trades);
  expect(await db.rows(`SELECT ${columns} FROM order_events ORDER BY log_index`)).toEqual([
    ...trades,
    { log_index: 4, exchange_version: 1, builder: '', fee_asset_id: '7' },
  ]);
});

test('a label that comes late changes nothing that the log says', async () => {
  const db = database();
  await migrate(db);
  const said = `SELECT * FROM order_events`;
  await write(db, {
    order_event_versions: [encodeRows([rowOf(v2)])],
    unlabelled_token_versions: [encodeRows([unlabelledTokenRow('7', v2.timestamp)])],
  });
  const before = await db.rows(said);
  expect(before).toMatchObject([
    { exchange_version: 2, block_hash: v2.blockHash, builder: v2.builder, metadata: v2.metadata },
  ]);
  const token = JSON.stringify(['7', '500', '0x1', 0, 'Yes', FETCHED_AT]);
  await write(db, { market_token_versions: [encodeRows([token])] });
  expect(await relabel(db)).toEqual(['7']);
  expect(await db.rows(said)).toEqual(before);
  expect(await db.rows('SELECT market_id, outcome, builder FROM trades')).toEqual([
    { market_id: '500', outcome: 'Yes', builder: v2.builder },
  ]);
});

test("what was stored before logs were read is of V1's exchanges, and stays as it was", async () => {
  const db = database();
  const upTo = readMigrations().findIndex(({ name }) => name === 'exchange_logs');
  await migrate(db, readMigrations().slice(0, upTo));
  const event = eventOf(parseSubgraphEvent(exampleTrade({ token: '7', second: PLACE.second }), 'goldsky'));
  const columns = TABLES.order_event_versions.slice(
    0,
    TABLES.order_event_versions.indexOf('exchange_version'),
  );
  const row = JSON.stringify((JSON.parse(rowOf(event)) as unknown[]).slice(0, columns.length));
  await db.insertLines('order_event_versions', columns, [toLines([row])]);
  const [older] = await db.rows<Record<string, unknown>>('SELECT * FROM order_events');
  const [olderTrade] = await db.rows<Record<string, unknown>>('SELECT * FROM trades');
  expect(await migrate(db)).toContain(`${String(upTo + 1).padStart(3, '0')}_exchange_logs`);

  const more = { exchange_version: 1, builder: '', fee_asset_id: '7' };
  const [now] = await db.rows<Record<string, unknown>>('SELECT * FROM order_events');
  expect(now).toEqual({ ...older, ...more, block_hash: '', metadata: '' });
  expect(Object.keys(now ?? {}).slice(0, Object.keys(older ?? {}).length)).toEqual(Object.keys(older ?? {}));
  expect(await db.rows('SELECT * FROM trades')).toEqual([{ ...olderTrade, ...more }]);
});

test('of the exchanges that a source reads from a position on, those written last count', async () => {
  const db = database();
  await migrate(db);
  const scope = (from: number, exchanges: readonly string[]) => JSON.stringify(['polygon', from, exchanges]);
  const insert = (row: string) =>
    db.insertLines('source_scope_versions', TABLES.source_scope_versions, [toLines([row])]);
  await insert(scope(100, ['0xa']));
  // Versions are milliseconds of the server; of two equal ones the row inserted last counts.
  await insert(scope(100, ['0xa', '0xb']));
  await insert(scope(200, ['0xb']));
  expect(
    await db.rows('SELECT from_position, exchanges FROM source_scope_versions FINAL ORDER BY from_position'),
  ).toEqual([
    { from_position: '100', exchanges: ['0xa', '0xb'] },
    { from_position: '200', exchanges: ['0xb'] },
  ]);
});
