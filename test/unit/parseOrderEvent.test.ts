import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSubgraphEvent } from '../../src/domain/parseOrderEvent.ts';

const TX = '0x' + 'ab'.repeat(32);
const ORDER = '0x' + '01'.repeat(32);
const MAKER = '0x' + 'c5'.repeat(20);
const TAKER = '0x' + '4b'.repeat(20);
const TOKEN = '101676997363687199724245607342877036148401850938023978421879460310389391082353';
const MAX_UINT256 = (2n ** 256n - 1n).toString();
const MAX_UINT64 = (2n ** 64n - 1n).toString();

const RECORD = {
  id: `${TX}_${ORDER}`,
  transactionHash: TX,
  orderHash: ORDER,
  timestamp: '1733677058',
  maker: MAKER,
  taker: TAKER,
  makerAssetId: '0',
  takerAssetId: TOKEN,
  makerAmountFilled: '99999999',
  takerAmountFilled: '238095237',
  fee: '0',
};

function reasonFor(change: Record<string, unknown>): string {
  const parsed = parseSubgraphEvent({ ...RECORD, ...change }, 'goldsky');
  return parsed.ok ? 'accepted' : parsed.reason;
}

test('a subgraph record becomes an order event, field by field', () => {
  expect(parseSubgraphEvent(RECORD, 'goldsky')).toEqual({
    ok: true,
    event: {
      ...RECORD,
      source: 'goldsky',
      exchange: '',
      exchangeVersion: 1,
      blockNumber: 0,
      blockHash: '',
      logIndex: 0,
      timestamp: 1733677058,
      builder: '',
      metadata: '',
    },
  });
});

test('hex comes out lower-case, the id too', () => {
  const upper = (hex: string) => '0x' + hex.slice(2).toUpperCase();
  const parsed = parseSubgraphEvent(
    {
      ...RECORD,
      id: `${upper(TX)}_${ORDER}`,
      transactionHash: upper(TX),
      maker: upper(MAKER),
      taker: upper(TAKER),
    },
    'goldsky',
  );
  expect(parsed).toMatchObject({
    ok: true,
    event: { id: RECORD.id, transactionHash: TX, maker: MAKER, taker: TAKER },
  });
});

describe('odd but well-formed is data', () => {
  test.each([
    ['zero amounts', { makerAmountFilled: '0', takerAmountFilled: '0' }],
    ['both assets 0', { takerAssetId: '0' }],
    ['neither asset 0', { makerAssetId: '7' }],
    [
      'the largest values',
      { takerAssetId: MAX_UINT256, makerAmountFilled: MAX_UINT64, fee: MAX_UINT64, timestamp: '4294967295' },
    ],
    ['unknown extra fields', { block: null }],
    ['an id of another form', { id: 'x' }],
  ])('%s', (_what, change) => {
    expect(reasonFor(change)).toBe('accepted');
  });

  test('leading zeros of an amount are dropped', () => {
    const parsed = parseSubgraphEvent(
      { ...RECORD, fee: '000', makerAmountFilled: `000${MAX_UINT64}` },
      'goldsky',
    );
    expect(parsed).toMatchObject({ ok: true, event: { fee: '0', makerAmountFilled: MAX_UINT64 } });
  });
});

describe('malformed', () => {
  test.each(Object.keys(RECORD))('%s missing, null or of another type', (field) => {
    const without = Object.fromEntries(Object.entries(RECORD).filter(([name]) => name !== field));
    expect(parseSubgraphEvent(without, 'goldsky')).toEqual({ ok: false, reason: `${field}: missing` });
    expect(reasonFor({ [field]: null })).toBe(`${field}: null`);
    for (const value of [1733677058, true, {}, [RECORD.id]]) {
      expect(reasonFor({ [field]: value })).toBe(`${field}: not a string`);
    }
    expect(reasonFor({ [field]: '' })).not.toBe('accepted');
  });

  test.each([null, undefined, 1, 'text', [RECORD]])('a record that is not an object: %j', (record) => {
    expect(parseSubgraphEvent(record, 'goldsky')).toEqual({ ok: false, reason: 'record: not an object' });
  });

  test.each([
    [{ id: 'x'.repeat(201) }, 'id: longer than 200 characters'],
    [{ transactionHash: TX.slice(0, -1) }, 'transactionHash: not 32 bytes of hex'],
    [{ transactionHash: `${TX}\n` }, 'transactionHash: not 32 bytes of hex'],
    [{ orderHash: `${ORDER}00` }, 'orderHash: not 32 bytes of hex'],
    [{ orderHash: ORDER.slice(2) }, 'orderHash: not 32 bytes of hex'],
    [{ maker: MAKER.replace('c', 'g') }, 'maker: not 20 bytes of hex'],
    [{ taker: TX }, 'taker: not 20 bytes of hex'],
    [{ makerAssetId: '00' }, 'makerAssetId: not a uint256 in decimal'],
    [{ takerAssetId: '-1' }, 'takerAssetId: not a uint256 in decimal'],
    [{ takerAssetId: '0x1f' }, 'takerAssetId: not a uint256 in decimal'],
    [{ takerAssetId: (2n ** 256n).toString() }, 'takerAssetId: not a uint256 in decimal'],
    [{ makerAmountFilled: '1.5' }, 'makerAmountFilled: not a decimal integer'],
    [{ makerAmountFilled: '1e6' }, 'makerAmountFilled: not a decimal integer'],
    [{ takerAmountFilled: ' 1' }, 'takerAmountFilled: not a decimal integer'],
    [{ takerAmountFilled: '١٢' }, 'takerAmountFilled: not a decimal integer'],
    [{ takerAmountFilled: (2n ** 64n).toString() }, 'takerAmountFilled: larger than 2^64-1'],
    [{ fee: '-0' }, 'fee: not a decimal integer'],
    [{ fee: '9'.repeat(20) }, 'fee: larger than 2^64-1'],
    [{ timestamp: '4294967296' }, 'timestamp: larger than 2^32-1'],
    [{ timestamp: '2024-01-01' }, 'timestamp: not a decimal integer'],
  ])('%j', (change, reason) => {
    expect(reasonFor(change)).toBe(reason);
  });
});

test('amounts are accepted exactly when BigInt says they fit in 64 bits', () => {
  const aroundTheLimit = fc.bigInt({ min: 2n ** 64n - 1000n, max: 2n ** 64n + 1000n });
  fc.assert(
    fc.property(fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 70n }), aroundTheLimit), (amount) => {
      const accepted = reasonFor({ takerAmountFilled: amount.toString() }) === 'accepted';
      expect(accepted).toBe(amount < 2n ** 64n);
    }),
  );
});

test('asset ids are accepted exactly when BigInt says they fit in 256 bits', () => {
  const aroundTheLimit = fc.bigInt({ min: 2n ** 256n - 1000n, max: 2n ** 256n + 1000n });
  fc.assert(
    fc.property(fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 260n }), aroundTheLimit), (id) => {
      expect(reasonFor({ makerAssetId: id.toString() }) === 'accepted').toBe(id < 2n ** 256n);
    }),
  );
});

test('no JSON value makes it throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(RECORD)), (value, field) => {
      expect(typeof parseSubgraphEvent(value, 'goldsky').ok).toBe('boolean');
      expect(typeof reasonFor({ [field]: value })).toBe('string');
    }),
  );
});
