import { expect, onTestFinished, test } from 'vitest';
import { parseSubgraphEvent } from '../../src/domain/parseOrderEvent.ts';
import { toTrade } from '../../src/domain/trade.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import { rowHash } from '../../src/store/rowKey.ts';
import { contentOf, placeOf, storedContents, storedVersions } from '../../src/store/storedEvents.ts';
import { deletedEventRow, orderEventRow, TABLES, toLines } from '../../src/store/tables.ts';
import { exampleToken, exampleTrade } from '../support/examples.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const SECOND = 1_714_000_000;
const SLICE = {
  source: 'goldsky',
  from: { position: SECOND, id: '' },
  to: { position: SECOND + 10, id: '' },
};

test('a deletion is found again by source and id when it is all that is left, so that its event can come back', async () => {
  const db = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => db.close());
  await migrate(db);
  const parsed = parseSubgraphEvent(
    exampleTrade({ token: exampleToken('stored', 0), second: SECOND }),
    'goldsky',
  );
  if (!parsed.ok) throw new Error(parsed.reason);
  const { event } = parsed;
  const write = (row: string) =>
    db.insertLines('order_event_versions', TABLES.order_event_versions, [toLines([row])]);

  await write(orderEventRow(event, undefined, undefined, 1_000));
  const stored = (await storedVersions(db, SLICE, [event.id])).get(placeOf(event));
  expect(stored?.version).toBe(2_000n);
  if (stored === undefined) throw new Error('not stored');
  // By a clock that was far ahead.
  await write(deletedEventRow(stored.key, '9000'));
  await db.run('OPTIMIZE TABLE order_event_versions FINAL');
  expect(await storedContents(db, SLICE)).toEqual(new Map());

  const deleted = (await storedVersions(db, SLICE, [event.id])).get(placeOf(event));
  expect(deleted).toEqual({ key: stored.key, version: 9_000n });
  await write(orderEventRow(event, undefined, undefined, 4_501));
  expect([...(await storedContents(db, SLICE)).keys()]).toEqual([placeOf(event)]);
}, 30_000);

test('a later answer without a label does not take the label away', async () => {
  const db = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => db.close());
  await migrate(db);
  const exchanges = new Set<string>();
  const parsed = parseSubgraphEvent(
    exampleTrade({ token: exampleToken('stored', 1), second: SECOND }),
    'goldsky',
  );
  if (!parsed.ok) throw new Error(parsed.reason);
  const { event } = parsed;
  const trade = toTrade(event, exchanges);
  const label = { marketId: '7', conditionId: '0x1', outcomeIndex: 1, outcome: 'No' };
  for (const row of [
    orderEventRow(event, trade, undefined, 1_000),
    orderEventRow(event, trade, label, 1_000),
    orderEventRow(event, trade, undefined, 2_000),
  ]) {
    await db.insertLines('order_event_versions', TABLES.order_event_versions, [toLines([row])]);
  }
  expect(await db.rows('SELECT market_id, outcome FROM trades')).toEqual([{ market_id: '7', outcome: 'No' }]);
}, 30_000);

test('rows that an older version has queued, without the columns of logs, are taken as of V1', async () => {
  const db = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => db.close());
  await migrate(db);
  const parsed = parseSubgraphEvent(
    exampleTrade({ token: exampleToken('stored', 2), second: SECOND }),
    'goldsky',
  );
  if (!parsed.ok) throw new Error(parsed.reason);
  const columns = TABLES.order_event_versions;
  const row = JSON.parse(
    orderEventRow(parsed.event, toTrade(parsed.event, new Set()), undefined, 1_000),
  ) as unknown[];
  const older = JSON.stringify(row.slice(0, columns.indexOf('exchange_version')));
  expect(rowHash('order_event_versions', older)).toBe(rowHash('order_event_versions', JSON.stringify(row)));
  const batch = { rows: { order_event_versions: [encodeRows([older])] }, coverage: [] };
  expect(await writeBatch(db, batch)).toBe(0);
  expect([...(await storedContents(db, SLICE)).values()]).toMatchObject([
    { content: contentOf(parsed.event) },
  ]);
}, 30_000);

test('a reorg that changes no more than the block hash is seen', () => {
  const parsed = parseSubgraphEvent(exampleTrade({ token: '7', second: SECOND }), 'goldsky');
  if (!parsed.ok) throw new Error(parsed.reason);
  const { event } = parsed;
  expect(contentOf({ ...event, blockHash: '0x01' })).not.toBe(contentOf({ ...event, blockHash: '0x02' }));
});
