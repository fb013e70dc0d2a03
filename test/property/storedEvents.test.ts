import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { OrderEvent } from '../../src/domain/orderEvent.ts';
import { parseSubgraphEvent } from '../../src/domain/parseOrderEvent.ts';
import { nonusdcSide, toTrade, type TokenLabel, type Trade } from '../../src/domain/trade.ts';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { contentOf, placeOf, storedContents } from '../../src/store/storedEvents.ts';
import { orderEventRow } from '../../src/store/tables.ts';
import { testConfig, testEnvironment } from '../support/world.ts';
import { anyText, EXCHANGES, hex, sampled, subgraphRecord } from './arbitraries.ts';

const EVENTS = 2_000;
const FETCHED_AT = 1_760_000_000_000;

const lowerHex = (bytes: number) => hex(bytes).map((text) => text.toLowerCase());

/** Of the subgraph, or of logs: with an exchange, a block and a place in it. Now and then at the ends of time. */
const event: fc.Arbitrary<OrderEvent> = fc
  .record({
    record: subgraphRecord,
    log: fc.option(
      fc.record({
        exchange: lowerHex(20),
        exchangeVersion: fc.constantFrom(1, 2, 3),
        blockHash: lowerHex(32),
        builder: fc.oneof(fc.constant(''), lowerHex(32)),
        metadata: fc.oneof(fc.constant(''), lowerHex(32)),
        blockNumber: fc.maxSafeNat(),
        logIndex: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        ownId: fc.boolean(),
      }),
    ),
    timestamp: fc.option(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1), { freq: 40 }),
  })
  .map(({ record, log, timestamp }) => {
    const parsed = parseSubgraphEvent(record, 'goldsky');
    if (!parsed.ok) throw new Error(parsed.reason);
    const { ownId = true, ...place } = log ?? {};
    const made = { ...parsed.event, ...place, ...(timestamp === null ? {} : { timestamp }) };
    return ownId ? made : { ...made, id: `${made.transactionHash}-${made.logIndex}` };
  });

const label: fc.Arbitrary<TokenLabel> = fc.record({
  marketId: anyText.filter((text) => text !== ''),
  conditionId: hex(32),
  outcomeIndex: fc.nat(4),
  outcome: anyText,
});

const stored = fc.record({ event, label: fc.option(label, { nil: undefined }) }).map((both) => {
  const trade = toTrade(both.event, EXCHANGES);
  return { ...both, trade, label: trade === undefined ? undefined : both.label };
});

function expectedEvent(of: OrderEvent): unknown[] {
  return [
    ...[of.id, of.source, of.exchange, String(of.blockNumber), of.logIndex, of.timestamp],
    ...[of.transactionHash, of.orderHash, of.maker, of.taker, of.makerAssetId, of.takerAssetId],
    ...[of.makerAmountFilled, of.takerAmountFilled, of.fee],
    ...[of.exchangeVersion, of.blockHash, of.builder, of.metadata],
    of.exchangeVersion === 1 ? of.takerAssetId : '0',
  ];
}

function expectedTrade(of: OrderEvent, trade: Trade, known: TokenLabel | undefined): unknown[] {
  const buys = trade.makerDirection === 'BUY';
  const usd = buys ? of.makerAmountFilled : of.takerAmountFilled;
  const tokens = buys ? of.takerAmountFilled : of.makerAmountFilled;
  const price = usd === '0' || tokens === '0' ? null : Number(usd) / Number(tokens);
  return [
    ...[of.id, of.timestamp, known?.marketId ?? '', known?.conditionId ?? '', trade.tokenId],
    ...[nonusdcSide(known), known?.outcome ?? '', of.maker, of.taker],
    ...[trade.makerDirection, buys ? 'SELL' : 'BUY', price, trade.usdAmount, trade.tokenAmount],
    ...[EXCHANGES.has(of.taker) ? 1 : 0, of.fee, of.transactionHash, of.orderHash],
    ...[of.exchange, String(of.blockNumber), of.logIndex, of.exchangeVersion, of.builder],
    of.exchangeVersion === 1 && buys ? trade.tokenId : '0',
  ];
}

test('what is stored is what was parsed: every column of every event and of its trade', async () => {
  const database = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  const { values: all, seed } = sampled(stored, EVENTS);
  const rows = all.map((one) => orderEventRow(one.event, one.trade, one.label, FETCHED_AT));
  // Twice: a page that is written again changes nothing.
  for (let times = 0; times < 2; times++) {
    const batch = { rows: { order_event_versions: [encodeRows(rows)] }, coverage: [] };
    expect(await writeBatch(database, batch)).toBe(0);
  }

  const events = await database.rows<{ line: unknown[] }>(
    `SELECT tuple(id, source, exchange, block_number, log_index, toUnixTimestamp(timestamp), transaction_hash, order_hash,
       maker, taker, maker_asset_id, taker_asset_id, toString(maker_amount_filled), toString(taker_amount_filled),
       toString(fee), exchange_version, block_hash, builder, metadata, fee_asset_id) AS line
     FROM order_events`,
  );
  expectSame(
    seed,
    events.map((row) => row.line),
    all.map((one) => expectedEvent(one.event)),
  );
  const trades = await database.rows<{ line: unknown[] }>(
    `SELECT tuple(id, toUnixTimestamp(timestamp), market_id, condition_id, token_id, nonusdc_side, outcome, maker, taker,
       maker_direction, taker_direction, price, toDecimalString(usd_amount, 6), toDecimalString(token_amount, 6),
       is_taker_side, toString(toUInt64(fee * 1000000)), transaction_hash, order_hash, exchange, block_number,
       log_index, exchange_version, builder, fee_asset_id) AS line
     FROM trades`,
  );
  expectSame(
    seed,
    trades.map((row) => row.line),
    all.flatMap((one) => (one.trade === undefined ? [] : [expectedTrade(one.event, one.trade, one.label)])),
  );
});

test('what is stored is compared by the same text as what was parsed', async () => {
  const database = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  const { values, seed } = sampled(stored, EVENTS);
  // Odd ids come twice now and then: a place has one event.
  const all = [...new Map(values.map((one) => [placeOf(one.event), one])).values()];
  const rows = all.map((one) => orderEventRow(one.event, one.trade, one.label, FETCHED_AT));
  await writeBatch(database, { rows: { order_event_versions: [encodeRows(rows)] }, coverage: [] });
  const contents = await storedContents(database, {
    source: 'goldsky',
    from: { position: 0, id: '' },
    to: { position: 2 ** 32 - 1, id: '\u{10ffff}'.repeat(20) },
  });
  expectSame(
    seed,
    [...contents].map(([place, { content }]) => [place, content]),
    all.map(({ event: one }) => [placeOf(one), contentOf(one)]),
  );
});

/** As sets, so that a failure shows the few that differ. */
function expectSame(seed: number, actual: readonly unknown[][], wanted: readonly unknown[][]): void {
  const found = new Set(actual.map((line) => JSON.stringify(line)));
  const expected = new Set(wanted.map((line) => JSON.stringify(line)));
  expect({
    seed,
    rows: actual.length,
    missing: [...expected].filter((line) => !found.has(line)).slice(0, 3),
    unexpected: [...found].filter((line) => !expected.has(line)).slice(0, 3),
  }).toEqual({ seed, rows: wanted.length, missing: [], unexpected: [] });
}
