import { expect, onTestFinished, test } from 'vitest';
import { parseExchangeLog } from '../../src/domain/parseLog.ts';
import { toTrade } from '../../src/domain/trade.ts';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { deletedEventRow, orderEventRow } from '../../src/store/tables.ts';
import { EXCHANGE_V1, exampleLogV1 } from '../support/exampleLogs.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const FETCHED_AT = 1_785_423_180_000;

function eventAt(logIndex: number) {
  const parsed = parseExchangeLog(exampleLogV1({ logIndex }), 'polygon');
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.event;
}

test('rows that replace each other in one insert are exact before anything is merged', async () => {
  const db = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => db.close());
  await migrate(db);
  await db.run('SYSTEM STOP MERGES order_event_versions');
  const [kept, twice, gone] = [eventAt(1), eventAt(2), eventAt(3)];
  const row = (event: typeof kept, at: number) =>
    orderEventRow(event, toTrade(event, new Set([EXCHANGE_V1])), undefined, at);
  const rows = [
    row(kept, FETCHED_AT),
    row({ ...twice, takerAmountFilled: '1' }, FETCHED_AT + 1),
    row(twice, FETCHED_AT),
    row(gone, FETCHED_AT),
    deletedEventRow({ ...gone, oddId: '' }, String(FETCHED_AT * 2 + 2)),
  ];
  await writeBatch(db, { rows: { order_event_versions: [encodeRows(rows)] }, coverage: [] });
  // Nothing sifted them: what is exact is the view.
  expect(await db.rows('SELECT count() AS n FROM order_event_versions')).toEqual([{ n: '5' }]);
  expect(
    await db.rows(
      'SELECT log_index, taker_amount_filled = 1 AS is_newest FROM order_events ORDER BY log_index',
    ),
  ).toEqual([
    { log_index: 1, is_newest: 0 },
    { log_index: 2, is_newest: 1 },
  ]);
  expect(await db.rows('SELECT count() AS n FROM trades')).toEqual([{ n: '2' }]);
});
