import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OrderEvent } from '../../src/domain/orderEvent.ts';
import { parseSubgraphEvent } from '../../src/domain/parseOrderEvent.ts';
import { toDecimal } from '../../src/domain/amounts.ts';
import { nonusdcSide, toTrade, type TokenLabel } from '../../src/domain/trade.ts';
import { LABELLED, orderEventRow, TABLES } from '../../src/store/tables.ts';
import { anyText, EXCHANGES, hex, hostileJson, subgraphRecord } from './arbitraries.ts';

function parsed(record: unknown): OrderEvent {
  const result = parseSubgraphEvent(record, 'goldsky');
  if (!result.ok) throw new Error(result.reason);
  return result.event;
}

/** The record that the subgraph would give for an event. */
function recordOf({ timestamp, ...event }: OrderEvent): Record<string, unknown> {
  return { ...event, timestamp: String(timestamp) };
}

const baseUnits = (decimal: string) => BigInt(decimal.replace('.', ''));

describe('a well-formed record', () => {
  test('keeps every value, and its hex comes out lower-case', () => {
    fc.assert(
      fc.property(subgraphRecord, (record) => {
        const event = parsed(record);
        for (const field of ['timestamp', 'makerAmountFilled', 'takerAmountFilled', 'fee'] as const) {
          expect(String(event[field])).toBe(String(BigInt(record[field])));
        }
        for (const field of ['makerAssetId', 'takerAssetId'] as const)
          expect(event[field]).toBe(record[field]);
        for (const field of ['id', 'transactionHash', 'orderHash', 'maker', 'taker'] as const) {
          expect(event[field]).toBe(record[field].toLowerCase());
        }
      }),
    );
  });

  test('gives an event that, as a record, gives itself', () => {
    fc.assert(
      fc.property(subgraphRecord, (record) => {
        const event = parsed(record);
        expect(parsed(recordOf(event))).toEqual(event);
      }),
    );
  });

  test('is malformed as soon as one field is not text', () => {
    const notText = fc.oneof(fc.constantFrom(null, undefined), fc.integer(), fc.boolean(), fc.constant([]));
    const names = Object.keys(fc.sample(subgraphRecord, 1)[0] ?? {});
    fc.assert(
      fc.property(subgraphRecord, fc.constantFrom(...names), notText, (record, field, value) => {
        const result = parseSubgraphEvent({ ...record, [field]: value }, 'goldsky');
        expect(result.ok ? 'accepted' : result.reason).toMatch(
          new RegExp(`^${field}: (missing|null|not a string)$`),
        );
      }),
    );
  });
});

test('whatever JSON a record is, it is an event with a row of every column, or has a short reason', () => {
  const sample = fc.sample(subgraphRecord, 3);
  const names = Object.keys(sample[0] ?? {});
  const values = sample.flatMap((record) => Object.values(record));
  const anything = fc.oneof(
    hostileJson(names, values),
    // A record with some of its fields overwritten comes further in.
    fc
      .tuple(subgraphRecord, hostileJson(names, values))
      .map(([record, other]) => Object.assign({}, record, other)),
  );
  let accepted = 0;
  fc.assert(
    fc.property(anything, (record) => {
      const result = parseSubgraphEvent(record, 'goldsky');
      if (!result.ok) {
        expect(result.reason).toMatch(/^[a-zA-Z]+: .{1,60}$/);
        return;
      }
      accepted++;
      const { event } = result;
      expect(parsed(recordOf(event))).toEqual(event);
      const row: unknown = JSON.parse(
        orderEventRow(event, toTrade(event, EXCHANGES), undefined, 1_714_000_000_000),
      );
      expect(row).toHaveLength(TABLES.order_event_versions.length);
    }),
    { numRuns: 2_000 },
  );
  expect(accepted).toBeGreaterThan(20);
});

test('its row is written as JSON.stringify would, with any label and any id', () => {
  const lowerHex = (bytes: number) => hex(bytes).map((text) => text.toLowerCase());
  const ofLogs = fc.record({
    exchange: lowerHex(20),
    exchangeVersion: fc.constantFrom(1 as const, 2 as const, 3 as const),
    blockNumber: fc.nat(),
    blockHash: lowerHex(32),
    logIndex: fc.nat(),
    builder: fc.oneof(fc.constant(''), lowerHex(32)),
    metadata: fc.oneof(fc.constant(''), lowerHex(32)),
  });
  const event = fc
    .tuple(subgraphRecord.map(parsed), fc.option(ofLogs, { nil: {} }), fc.boolean())
    .map(([one, more, isUsual]): OrderEvent => {
      const whole: OrderEvent = { ...one, ...more };
      return isUsual && whole.exchange !== ''
        ? { ...whole, id: `${whole.transactionHash}-${whole.logIndex}` }
        : whole;
    });
  const text = fc.oneof(
    anyText,
    fc.constantFrom('"', '\\', '","', '\n', '\u0000', '\u2028', '"]', '\ud800', "Trump's"),
  );
  const label: fc.Arbitrary<TokenLabel> = fc.record({
    marketId: text,
    conditionId: text,
    outcomeIndex: fc.nat(3),
    outcome: text,
  });
  fc.assert(
    fc.property(event, fc.option(label, { nil: undefined }), fc.nat(), (one, label, fetchedAt) => {
      const trade = toTrade(one, EXCHANGES);
      const usual =
        one.exchange === ''
          ? `${one.transactionHash}_${one.orderHash}`
          : `${one.transactionHash}-${one.logIndex}`;
      const values: Record<(typeof TABLES)['order_event_versions'][number], string | number> = {
        timestamp: one.timestamp,
        transaction_hash: one.transactionHash,
        log_index: one.logIndex,
        order_hash: one.orderHash,
        odd_id: one.id === usual ? '' : one.id,
        source: one.source,
        exchange: one.exchange,
        block_number: one.blockNumber,
        maker: one.maker,
        taker: one.taker,
        maker_direction: trade?.makerDirection ?? '',
        token_id: trade?.tokenId ?? '',
        usd_amount: trade?.usdAmount ?? toDecimal(one.makerAmountFilled),
        token_amount: trade?.tokenAmount ?? toDecimal(one.takerAmountFilled),
        fee: toDecimal(one.fee),
        is_taker_side: trade?.isTakerSide === true ? 1 : 0,
        odd_maker_asset: trade === undefined ? one.makerAssetId : '',
        odd_taker_asset: trade === undefined ? one.takerAssetId : '',
        market_id: label?.marketId ?? '',
        condition_id: label?.conditionId ?? '',
        nonusdc_side: nonusdcSide(label),
        outcome: label?.outcome ?? '',
        version: fetchedAt * 2 + (label === undefined ? 0 : LABELLED),
        is_deleted: 0,
        exchange_version: one.exchangeVersion,
        block_hash: one.blockHash,
        builder: one.builder,
        metadata: one.metadata,
      };
      const expected = JSON.stringify(TABLES.order_event_versions.map((column) => values[column]));
      // The second time the label is encoded already.
      for (let time = 0; time < 2; time++) expect(orderEventRow(one, trade, label, fetchedAt)).toBe(expected);
    }),
    { numRuns: 1_000 },
  );
});

describe('the trade of an event', () => {
  const event = subgraphRecord.map(parsed);
  const trading = event.map((one) => ({ event: one, trade: toTrade(one, EXCHANGES) }));

  test('is there exactly where one of the assets is the collateral', () => {
    fc.assert(
      fc.property(trading, ({ event, trade }) => {
        const collateral = [event.makerAssetId, event.takerAssetId].filter((asset) => asset === '0').length;
        expect(trade !== undefined).toBe(collateral === 1);
      }),
    );
  });

  test('has the exact amounts, and the token that is not the collateral', () => {
    fc.assert(
      fc.property(trading, ({ event, trade }) => {
        fc.pre(trade !== undefined);
        const { tokenId, makerDirection, usdAmount, tokenAmount } = trade;
        const buys = makerDirection === 'BUY';
        expect([event.makerAssetId, event.takerAssetId]).toEqual(buys ? ['0', tokenId] : [tokenId, '0']);
        const given = { maker: BigInt(event.makerAmountFilled), taker: BigInt(event.takerAmountFilled) };
        expect(baseUnits(usdAmount)).toBe(buys ? given.maker : given.taker);
        expect(baseUnits(tokenAmount)).toBe(buys ? given.taker : given.maker);
        for (const amount of [usdAmount, tokenAmount]) expect(amount).toMatch(/^(0|[1-9]\d*)\.\d{6}$/);
      }),
    );
  });

  test('is the same one in the other direction when maker and taker swap their assets', () => {
    fc.assert(
      fc.property(trading, ({ event, trade }) => {
        const swapped = toTrade(
          {
            ...event,
            makerAssetId: event.takerAssetId,
            takerAssetId: event.makerAssetId,
            makerAmountFilled: event.takerAmountFilled,
            takerAmountFilled: event.makerAmountFilled,
          },
          EXCHANGES,
        );
        const opposite = trade?.makerDirection === 'BUY' ? 'SELL' : 'BUY';
        expect(swapped).toEqual(trade === undefined ? undefined : { ...trade, makerDirection: opposite });
      }),
    );
  });

  test("is the taker order's own exactly where the taker is an exchange", () => {
    fc.assert(
      fc.property(trading, ({ event, trade }) => {
        if (trade !== undefined) expect(trade.isTakerSide).toBe(EXCHANGES.has(event.taker));
      }),
    );
  });
});
