import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Market } from '../../src/domain/market.ts';
import { parseMarket } from '../../src/domain/parseMarket.ts';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { marketRow, marketTokenRows, TABLES } from '../../src/store/tables.ts';
import { testConfig, testEnvironment } from '../support/world.ts';
import { anyText, hex, hostileJson, sampled, tokenId } from './arbitraries.ts';

const FETCHED_AT = 1_760_000_000_000;

/** A list as Gamma gives it: text that holds JSON, with or without blanks, or a real array; ids also without quotes. */
function listed(values: readonly string[], form: number, digits: boolean): unknown {
  if (form === 0) return values;
  if (form === 1 && digits) return `[${values.join(', ')}]`;
  return JSON.stringify(values, null, form === 2 ? 1 : undefined);
}

const form = fc.nat(3);

/** A usable market: any number of outcomes, tokens and positions, in every form in which they come. */
const marketRecord = fc
  .record({
    id: fc.nat().map(String),
    conditionId: fc.oneof(hex(31), hex(32)),
    question: anyText,
    outcomes: fc.array(anyText, { maxLength: 4 }),
    tokens: fc.array(tokenId, { maxLength: 4 }),
    positions: fc.array(tokenId, { maxLength: 4 }),
    volume: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt({ min: 0n, max: 10n ** 32n }).map(String),
    ),
    forms: fc.tuple(form, form, form),
  })
  .map(({ forms, outcomes, tokens, positions, ...rest }) => ({
    record: {
      ...rest,
      outcomes: listed(outcomes, forms[0], false),
      clobTokenIds: listed(tokens, forms[1], true),
      positionIds: listed(positions, forms[2], true),
    },
    outcomes,
    tokens,
    positions,
  }));

function parsed(record: unknown): Market {
  const result = parseMarket(record);
  if (!result.ok) throw new Error(result.reason);
  return result.market;
}

const NAMES = [
  ...[
    'id',
    'conditionId',
    'questionID',
    'question',
    'slug',
    'outcomes',
    'clobTokenIds',
    'positionIds',
    'events',
  ],
  ...[
    'outcomePrices',
    'version',
    'negRisk',
    'closed',
    'volume',
    'volumeNum',
    'liquidity',
    'createdAt',
    'endDate',
  ],
  ...['endDateIso', 'closedTime', 'umaResolutionStatus', 'category', 'groupItemTitle'],
];
const VALUES = [
  ...[
    '["Yes", "No"]',
    '[1, 2',
    '[["1"]]',
    '{"0": "1"}',
    '[]',
    'true',
    '2025-01-05T00:51:12Z',
    '0001-01-01T00:00:00Z',
  ],
  ...[
    '1e30',
    '-12.5',
    '0.1234567890123456',
    '9'.repeat(30),
    1e21,
    1e27,
    [{ id: 5, slug: null }],
    [null],
    `0x${'a'.repeat(64)}`,
  ],
];

/** A usable market with anything in its other fields. */
const oddMarket = fc
  .tuple(marketRecord, hostileJson(NAMES, VALUES))
  .map(([{ record }, other]) =>
    Object.assign({}, record, other, { id: record.id, conditionId: record.conditionId }),
  );

describe('labels', () => {
  test('pair each token, and each position, with the outcome at its place', () => {
    fc.assert(
      fc.property(marketRecord, ({ record, outcomes, tokens, positions }) => {
        const market = parsed(record);
        expect(market.outcomes).toEqual(outcomes);
        expect([market.tokenIds, market.positionIds]).toEqual([tokens, positions]);
        expect([market.token1, market.token2]).toEqual([tokens[0] ?? '', tokens[1] ?? '']);
        expect([market.answer1, market.answer2]).toEqual([outcomes[0] ?? '', outcomes[1] ?? '']);

        const rows = marketTokenRows(market, FETCHED_AT).map((row) => JSON.parse(row) as unknown[]);
        expect(rows.map(([token]) => token).toSorted()).toEqual(
          [...new Set([...tokens, ...positions])].toSorted(),
        );
        for (const [token, marketId, conditionId, place, outcome] of rows) {
          expect([marketId, conditionId]).toEqual([record.id, record.conditionId.toLowerCase()]);
          expect([tokens[Number(place)], positions[Number(place)]]).toContain(token);
          expect(outcome).toBe(outcomes[Number(place)] ?? '');
        }
      }),
    );
  });
});

test('whatever JSON a market is, it has a row of every column, or a short reason', () => {
  fc.assert(
    fc.property(fc.oneof(hostileJson(NAMES, VALUES), oddMarket), (record) => {
      const result = parseMarket(record);
      if (!result.ok) {
        expect(result.reason).toMatch(/^[a-zA-Z]+: .{1,60}$/);
        return;
      }
      const row: unknown = JSON.parse(marketRow(result.market, JSON.stringify(record), 'hash', FETCHED_AT));
      expect(row).toHaveLength(TABLES.market_versions.length);
    }),
    { numRuns: 2_000 },
  );
});

test('a usable market is stored, whatever its other fields hold', async () => {
  const database = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  const { values, seed } = sampled(oddMarket, 1_000);
  const markets = values.map((record, index) => ({
    raw: JSON.stringify(record),
    market: parsed({ ...record, id: `m${index}` }),
  }));
  const refused = await writeBatch(database, {
    rows: {
      market_versions: [
        encodeRows(markets.map(({ market, raw }) => marketRow(market, raw, 'hash', FETCHED_AT))),
      ],
      market_token_versions: [
        encodeRows(markets.flatMap(({ market }) => marketTokenRows(market, FETCHED_AT))),
      ],
    },
    coverage: [],
  });
  const reasons = await database.rows('SELECT DISTINCT reason, record FROM quarantine LIMIT 2');
  expect({ seed, refused, reasons }).toEqual({ seed, refused: 0, reasons: [] });

  const rows = await database.rows<{ line: unknown[] }>(
    `SELECT tuple(id, condition_id, question_id, question, slug, outcomes, outcome_prices, token_ids, position_ids,
       answer1, answer2, token1, token2, toString(created_at), toString(end_date), raw) AS line FROM markets`,
  );
  const found = new Map(rows.map(({ line }) => [line[0], line]));
  for (const { market, raw } of markets) {
    expect(found.get(market.id), `seed ${seed}`).toEqual([
      ...[market.id, market.conditionId, market.questionId, market.question, market.slug],
      ...[market.outcomes, market.outcomePrices, market.tokenIds, market.positionIds],
      ...[
        market.answer1,
        market.answer2,
        market.token1,
        market.token2,
        market.createdAt,
        market.endDate,
        raw,
      ],
    ]);
  }
});
