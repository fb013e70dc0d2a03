import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toDecimal } from '../../src/domain/amounts.ts';
import type { OrderEvent } from '../../src/domain/orderEvent.ts';
import { nonusdcSide, toTrade } from '../../src/domain/trade.ts';

const EXCHANGE = '0xc5d563a36ae78145c45a50134d48a1215220f80a';
const exchanges = new Set([EXCHANGE]);

function event(fields: Partial<OrderEvent>): OrderEvent {
  return {
    id: 'id',
    source: 'goldsky',
    exchange: '',
    exchangeVersion: 1,
    blockNumber: 0,
    blockHash: '',
    logIndex: 0,
    timestamp: 1_704_422_184,
    transactionHash: '0x1',
    orderHash: '0x2',
    maker: '0xaa',
    taker: '0xbb',
    makerAssetId: '0',
    takerAssetId: '7',
    makerAmountFilled: '1',
    takerAmountFilled: '2',
    fee: '0',
    builder: '',
    metadata: '',
    ...fields,
  };
}

describe('a mixed match of January 2024 (one taker, a mint and a complementary fill)', () => {
  const rows = [
    event({
      makerAssetId: '0',
      takerAssetId: '2',
      makerAmountFilled: '22095238',
      takerAmountFilled: '38095237',
    }),
    event({
      makerAssetId: '1',
      takerAssetId: '0',
      makerAmountFilled: '200000000',
      takerAmountFilled: '84000000',
    }),
    event({
      makerAssetId: '0',
      takerAssetId: '1',
      makerAmountFilled: '99999999',
      takerAmountFilled: '238095237',
      taker: EXCHANGE,
    }),
  ].map((row) => toTrade(row, exchanges));

  test('sides and exact amounts', () => {
    expect(rows).toEqual([
      {
        tokenId: '2',
        makerDirection: 'BUY',
        usdAmount: '22.095238',
        tokenAmount: '38.095237',
        isTakerSide: false,
      },
      {
        tokenId: '1',
        makerDirection: 'SELL',
        usdAmount: '84.000000',
        tokenAmount: '200.000000',
        isTakerSide: false,
      },
      {
        tokenId: '1',
        makerDirection: 'BUY',
        usdAmount: '99.999999',
        tokenAmount: '238.095237',
        isTakerSide: true,
      },
    ]);
  });

  test('volume is the taker side alone', () => {
    expect(rows.filter((row) => row?.isTakerSide).map((row) => row?.usdAmount)).toEqual(['99.999999']);
  });
});

test('both or neither asset the collateral is no trade', () => {
  expect(toTrade(event({ makerAssetId: '0', takerAssetId: '0' }), exchanges)).toBeUndefined();
  expect(toTrade(event({ makerAssetId: '1', takerAssetId: '2' }), exchanges)).toBeUndefined();
});

test('the side of a token beyond the second, or of no market, is empty', () => {
  const label = (outcomeIndex: number) => ({ marketId: '1', conditionId: '0x', outcomeIndex, outcome: 'A' });
  expect([0, 1, 2].map((index) => nonusdcSide(label(index)))).toEqual(['token1', 'token2', '']);
  expect(nonusdcSide(undefined)).toBe('');
});

test('base units as decimals are exact for every UInt64', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (base) => {
      const [whole = '', fraction = ''] = toDecimal(base.toString()).split('.');
      expect(fraction).toHaveLength(6);
      expect(BigInt(whole) * 1_000_000n + BigInt(fraction)).toBe(base);
    }),
  );
});
