import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimal, tokenList, utcDate } from '../../src/domain/marketFields.ts';
import { parseMarket } from '../../src/domain/parseMarket.ts';

const CONDITION = '0x' + 'AF9d'.repeat(16);
const TOKENS = [
  '101676997363687199724245607342877036148401850938023978421879460310389391082353',
  '4153292802911610701832309484716814274802943278345248636922528170020319407796',
];

const RECORD = {
  id: '517310',
  conditionId: CONDITION,
  questionID: '0xA6',
  question: 'Will it rain?',
  slug: 'will-it-rain',
  outcomes: '["Yes", "No"]',
  outcomePrices: '["0.045", "0.955"]',
  clobTokenIds: JSON.stringify(TOKENS),
  positionIds: ['1', '2'],
  version: 'v1',
  negRisk: true,
  active: true,
  closed: false,
  archived: false,
  volume: '1067832.94112',
  liquidity: '19209.42167',
  groupItemTitle: '<250k',
  umaResolutionStatus: 'resolved',
  createdAt: '2025-01-05T00:51:12.215249Z',
  updatedAt: '2026-02-07T20:57:04.97Z',
  startDate: '2025-01-05T18:49:12Z',
  endDateIso: '2025-12-31',
  closedTime: '2025-04-01 08:21:16+00',
  events: [{ id: '16282', ticker: 'rain', slug: 'rain-event', title: 'Rain', category: 'Weather' }],
};

function market(change: Record<string, unknown> = {}) {
  const parsed = parseMarket({ ...RECORD, ...change });
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.market;
}

test('a whole market, field by field', () => {
  expect(market()).toEqual({
    id: '517310',
    conditionId: CONDITION.toLowerCase(),
    questionId: '0xa6',
    question: 'Will it rain?',
    slug: 'will-it-rain',
    groupItemTitle: '<250k',
    category: 'Weather',
    answer1: 'Yes',
    answer2: 'No',
    token1: TOKENS[0],
    token2: TOKENS[1],
    outcomes: ['Yes', 'No'],
    outcomePrices: ['0.045', '0.955'],
    tokenIds: TOKENS,
    positionIds: ['1', '2'],
    version: 'v1',
    negRisk: true,
    active: true,
    closed: false,
    archived: false,
    eventId: '16282',
    eventSlug: 'rain-event',
    eventTitle: 'Rain',
    ticker: 'rain',
    volume: '1067832.94112',
    liquidity: '19209.42167',
    umaResolutionStatus: 'resolved',
    createdAt: '2025-01-05 00:51:12.215249',
    updatedAt: '2026-02-07 20:57:04.970000',
    startDate: '2025-01-05 18:49:12.000000',
    endDate: '2025-12-31 00:00:00.000000',
    closedTime: '2025-04-01 08:21:16.000000',
  });
});

test('only id and condition id are needed', () => {
  const parsed = parseMarket({ id: '1', conditionId: CONDITION });
  expect(parsed).toMatchObject({
    ok: true,
    market: {
      token1: '',
      answer2: '',
      outcomes: [],
      tokenIds: [],
      volume: '',
      endDate: null,
      ticker: '',
      negRisk: false,
    },
  });
});

describe('malformed', () => {
  test.each([
    [null, 'record: not an object'],
    [[RECORD], 'record: not an object'],
    [{ ...RECORD, id: undefined }, 'id: missing'],
    [{ ...RECORD, id: null }, 'id: null'],
    [{ ...RECORD, id: '' }, 'id: empty'],
    [{ ...RECORD, id: 517310 }, 'id: not a string'],
    [{ ...RECORD, conditionId: undefined }, 'conditionId: missing'],
    [{ ...RECORD, conditionId: '' }, 'conditionId: empty'],
    [{ ...RECORD, conditionId: CONDITION.slice(0, -1) }, 'conditionId: not 31 or 32 bytes of hex'],
    [{ ...RECORD, conditionId: CONDITION + '00' }, 'conditionId: not 31 or 32 bytes of hex'],
  ])('%#', (record, reason) => {
    expect(parseMarket(record)).toEqual({ ok: false, reason });
  });

  test('a condition id of 31 bytes (protocol v2) is well-formed', () => {
    expect(market({ conditionId: CONDITION.slice(0, -2) }).conditionId).toHaveLength(64);
  });
});

describe('lists', () => {
  test.each([
    ['empty text', ''],
    ['an empty list', '[]'],
    ['absent', undefined],
    ['null', null],
    ['broken JSON', '["Yes", "No"'],
    ['not a list', '{"a":1}'],
    ['a number', 7],
  ])('%s is the empty list', (_what, value) => {
    expect(
      market({ outcomes: value, clobTokenIds: value, outcomePrices: value, positionIds: value }),
    ).toMatchObject({
      outcomes: [],
      tokenIds: [],
      outcomePrices: [],
      positionIds: [],
      token1: '',
    });
  });

  test('three outcomes, and one', () => {
    expect(market({ outcomes: '["A","B","C"]', clobTokenIds: '["1","2","3"]' })).toMatchObject({
      answer2: 'B',
      outcomes: ['A', 'B', 'C'],
      tokenIds: ['1', '2', '3'],
    });
    expect(market({ outcomes: '["A"]', clobTokenIds: '["1"]' })).toMatchObject({
      answer1: 'A',
      answer2: '',
      token2: '',
    });
  });

  test('digits inside outcome labels are left alone', () => {
    const outcomes = ['12345678901234567890', 'say "12345678901234567890"', '1.5'];
    expect(market({ outcomes: JSON.stringify(outcomes) }).outcomes).toEqual(outcomes);
  });

  test('prices as numbers', () => {
    expect(market({ outcomePrices: '[0.045, 0.955]' }).outcomePrices).toEqual(['0.045', '0.955']);
  });

  test('token ids without quotes keep every digit', () => {
    expect(tokenList(`[${TOKENS.join(', ')}]`)).toEqual(TOKENS);
    const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
    fc.assert(
      fc.property(fc.array(uint256), (ids) => {
        const expected = ids.map(String);
        expect(tokenList(`[${expected.join(',')}]`)).toEqual(expected);
        expect(tokenList(JSON.stringify(expected))).toEqual(expected);
      }),
    );
  });

  test('one id that is none makes the list unusable: places pair ids with outcomes', () => {
    expect(tokenList(`["${TOKENS[0]}", ""]`)).toEqual([]);
    expect(tokenList(`["${TOKENS[0]}", 1.0167e77]`)).toEqual([]);
    expect(tokenList([TOKENS[0], null])).toEqual([]);
  });
});

describe('decimals', () => {
  test.each([
    ['1067832.94112', '1067832.94112'],
    [1067832.94112, '1067832.94112'],
    [0, '0'],
    ['0.000', '0'],
    ['-0', '0'],
    ['-12.50', '-12.5'],
    [1e-7, '0.0000001'],
    [1.5e21, '1500000000000000000000'],
    ['1.25E+2', '125'],
    ['.5', '0.5'],
    ['007', '7'],
    ['', ''],
    ['.', ''],
    ['abc', ''],
    ['1,000', ''],
    ['1e25', '10000000000000000000000000'],
    ['1e26', ''],
    ['1e999', ''],
    [Infinity, ''],
    [null, ''],
    [{}, ''],
  ])('%j is %j', (value, expected) => {
    expect(decimal(value)).toBe(expected);
  });

  test('keeps the value of every number', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e15, max: 1e15, noNaN: true }), (value) => {
        const plain = decimal(value);
        if (plain === '') expect(Math.abs(value)).toBeLessThan(1e-13);
        else {
          expect(plain).toMatch(/^-?\d+(\.\d+)?$/);
          expect(Number(plain) === value).toBe(true);
        }
      }),
    );
  });

  test('volumeNum stands in for volume', () => {
    expect(market({ volume: undefined, volumeNum: 12.5 }).volume).toBe('12.5');
    expect(market({ volume: '', volumeNum: undefined }).volume).toBe('');
  });
});

describe('dates', () => {
  test.each([
    ['2025-01-05T00:51:12.215249Z', '2025-01-05 00:51:12.215249'],
    ['2025-01-05T00:51:12Z', '2025-01-05 00:51:12.000000'],
    ['2025-01-05T00:51:12.1Z', '2025-01-05 00:51:12.100000'],
    ['2025-01-05T00:51:12.123456789Z', '2025-01-05 00:51:12.123456'],
    ['2025-01-05T00:51:12+02:00', '2025-01-04 22:51:12.000000'],
    ['2025-12-31T23:30:00-0130', '2026-01-01 01:00:00.000000'],
    ['2025-04-01 08:21:16+00', '2025-04-01 08:21:16.000000'],
    ['2022-07-27 14:40:02.064+00', '2022-07-27 14:40:02.064000'],
    ['2025-12-31', '2025-12-31 00:00:00.000000'],
    ['2024-02-29T00:00:00Z', '2024-02-29 00:00:00.000000'],
  ])('%s', (value, expected) => {
    expect(utcDate(value)).toBe(expected);
  });

  test.each([
    '0001-01-01T00:00:00Z',
    '9999-12-31T00:00:00Z',
    '2023-02-30T00:00:00Z',
    '2025-13-01',
    '2025-01-01T25:00:00Z',
    'November 4, 2020',
    '',
    null,
    undefined,
    1735689600,
  ])('%j is no date', (value) => {
    expect(utcDate(value)).toBeNull();
  });

  test('agrees with Date on every instant', () => {
    const instants = fc.date({
      min: new Date('1970-01-01T00:00:00Z'),
      max: new Date('2299-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instants, (date) => {
        expect(utcDate(date.toISOString())).toBe(`${date.toISOString().slice(0, -1).replace('T', ' ')}000`);
      }),
    );
  });
});

test('half of a surrogate pair becomes a replacement character', () => {
  expect(market({ question: 'a\ud83d b \u{1F600}' }).question).toBe('a\uFFFD b \u{1F600}');
});

test('no JSON value in any field makes it throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(RECORD)), (value, field) => {
      expect(typeof parseMarket({ ...RECORD, [field]: value }).ok).toBe('boolean');
      expect(typeof parseMarket(value).ok).toBe('boolean');
    }),
  );
});
