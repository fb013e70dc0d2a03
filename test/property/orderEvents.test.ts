import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OrderEvent } from '../../src/domain/orderEvent.ts';
import { parseSubgraphEvent } from '../../src/domain/parseOrderEvent.ts';
import { toTrade } from '../../src/domain/trade.ts';
import { orderEventRow, TABLES } from '../../src/store/tables.ts';
import { EXCHANGES, hostileJson, subgraphRecord } from './arbitraries.ts';

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
