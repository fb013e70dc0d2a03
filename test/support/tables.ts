import { expect } from 'vitest';
import type { Database } from '../../src/store/clickhouse.ts';
import type { Recording } from './recording.ts';

/** Every row of order_events by id, the fields as text in the contract's order. */
export async function readOrderEvents(database: Database): Promise<string[]> {
  return await lines(
    database,
    `concat_ws('|', id, source, exchange, block_number, log_index, toUnixTimestamp(timestamp), transaction_hash,
       order_hash, maker, taker, maker_asset_id, taker_asset_id, maker_amount_filled, taker_amount_filled, fee)`,
    'order_events',
  );
}

export async function readTrades(database: Database): Promise<string[]> {
  return await lines(
    database,
    `concat_ws('|', id, toUnixTimestamp(timestamp), market_id, condition_id, token_id, nonusdc_side, outcome, maker,
       taker, maker_direction, taker_direction, ifNull(toString(price), 'none'),
       toDecimalString(usd_amount, 6), toDecimalString(token_amount, 6), is_taker_side,
       toDecimalString(fee, 6), transaction_hash, order_hash)`,
    'trades',
  );
}

async function lines(database: Database, expression: string, table: string): Promise<string[]> {
  const rows = await database.rows<{ line: string }>(
    `SELECT ${expression} AS line FROM ${table} ORDER BY id, line`,
  );
  return rows.map((row) => row.line);
}

/** Both tables hold exactly what is expected: every row once, every field, nothing else. */
export async function expectEvents(
  database: Database,
  expected: Pick<Recording['expected'], 'orderEvents' | 'trades'>,
): Promise<void> {
  expectSame(await readOrderEvents(database), expected.orderEvents);
  expectSame((await readTrades(database)).map(normalPrice), mapValues(expected.trades, normalPrice));
}

/** The same, and of the quarantine. */
export async function expectExactly(
  database: Database,
  { expected }: Pick<Recording, 'expected'>,
): Promise<void> {
  await expectEvents(database, expected);
  const quarantined = await database.rows<{ record: string }>('SELECT record FROM quarantine');
  expectSame(
    quarantined.map((row) => sortedFields(row.record)),
    new Map([...expected.quarantine].map((record) => [record, sortedFields(record)])),
  );
}

/** ClickHouse and JavaScript print the same double differently. */
export function normalPrice(line: string): string {
  const fields = line.split('|');
  const price = fields[11];
  if (price !== undefined && price !== 'none') fields[11] = String(Number(price));
  return fields.join('|');
}

/** A record as JSON, its fields sorted: the subgraph answers with them in the order of the query. */
export function sortedFields(json: string): string {
  const record = JSON.parse(json) as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function mapValues(map: Map<string, string>, change: (value: string) => string): Map<string, string> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}

/** Compares as sets of lines: a readable difference instead of megabytes of it. */
export function expectSame(actual: readonly string[], expected: ReadonlyMap<string, string>): void {
  const wanted = new Set(expected.values());
  const unexpected = actual.filter((line) => !wanted.has(line));
  const present = new Set(actual);
  const missing = [...wanted].filter((line) => !present.has(line));
  expect({
    rows: actual.length,
    twice: actual.length - present.size,
    unexpected: unexpected.slice(0, 3),
    missing: missing.slice(0, 3),
  }).toEqual({ rows: expected.size, twice: 0, unexpected: [], missing: [] });
}
