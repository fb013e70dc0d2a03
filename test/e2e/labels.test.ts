import { expect, test } from 'vitest';
import type { Database } from '../../src/store/clickhouse.ts';
import { makeWorld, startWorkersHere, untilCount } from '../support/pipeline.ts';
import { exampleMarket, exampleToken, exampleTrade } from '../support/examples.ts';

const ONE_DAY_MS = String(86_400_000);
const FROM = 1_720_000_000;

test('markets that are listed after their first trades, open or already closed: stored at once, labelled by look-up', async () => {
  const rows = [
    exampleTrade({ token: exampleToken('late', 0), second: FROM }),
    exampleTrade({ token: exampleToken('late', 1), second: FROM + 86_400 }),
    exampleTrade({ token: exampleToken('closed', 0), second: FROM + 1 }),
    exampleTrade({ token: exampleToken('never', 0), second: FROM + 2 }),
  ];
  // The only poll is the first: afterwards nothing but look-ups of the unknown tokens can find a market.
  const { environment, database, upstream, simulator } = await makeWorld(
    { rows, markets: [], from: FROM },
    { MARKETS_POLL_MS: ONE_DAY_MS },
  );
  startWorkersHere(environment);
  await untilCount(database, `SELECT count() AS n FROM trades WHERE market_id = ''`, rows.length, 30_000);
  // Both sweeps of the first poll have found nothing, and the look-ups too.
  const asked = () => simulator.control.gamma.requests.map((request) => request.url);
  await expect.poll(() => asked().filter(isLookup(true)).length, { timeout: 30_000 }).toBeGreaterThan(0);

  const listed = Date.now();
  upstream.addMarkets([
    exampleMarket({ id: '700001', name: 'late' }),
    exampleMarket({ id: '700002', name: 'closed', closed: true }),
  ]);
  await untilCount(database, `SELECT count() AS n FROM trades WHERE market_id = ''`, 1, 60_000);
  expect(Date.now() - listed).toBeLessThan(60_000);
  expect(await labels(database)).toEqual([
    `${exampleToken('late', 0)} 700001 token1 Yes`,
    `${exampleToken('closed', 0)} 700002 token1 Yes`,
    `${exampleToken('never', 0)}   `,
    `${exampleToken('late', 1)} 700001 token2 No`,
  ]);
  // The marks go after the labels are there.
  await expect
    .poll(() => database.rows('SELECT token_id FROM unlabelled_tokens'), { timeout: 20_000 })
    .toEqual([{ token_id: exampleToken('never', 0) }]);
  await untilCount(database, 'SELECT count() AS n FROM order_events', rows.length, 5_000);
}, 120_000);

test('a market is followed as it changes: new volume, new question, closed, resolved', async () => {
  const open = exampleMarket({ id: '700010', name: 'changing' });
  const { environment, database, upstream } = await makeWorld({ rows: [], markets: [open], from: FROM });
  startWorkersHere(environment);
  const state = async () =>
    (
      await database
        .rows<Record<string, unknown>>(
          `SELECT id, question, toString(volume) AS volume, active, closed, uma_resolution_status AS resolution,
             outcome_prices, toString(closed_time) AS closed_time, JSONExtractString(raw, 'note') AS note FROM markets`,
        )
        .catch(() => [])
    )[0];
  await expect.poll(state, { timeout: 30_000 }).toMatchObject({ volume: '12.5', closed: false });

  upstream.addMarkets([{ ...open, volume: '99999999.123456', question: 'Changed?', note: 'in raw' }]);
  await expect
    .poll(state, { timeout: 30_000 })
    .toMatchObject({ question: 'Changed?', volume: '99999999.123456', closed: false, note: 'in raw' });

  upstream.addMarkets([
    {
      ...open,
      closed: true,
      volume: '100000000',
      umaResolutionStatus: 'resolved',
      outcomePrices: '["0", "1"]',
      closedTime: '2026-01-02 03:04:05+00',
    },
  ]);
  await expect.poll(state, { timeout: 30_000 }).toEqual({
    id: '700010',
    question: 'Will changing happen?',
    volume: '100000000',
    active: true,
    closed: true,
    resolution: 'resolved',
    outcome_prices: ['0', '1'],
    closed_time: '2026-01-02 03:04:05.000000',
    note: '',
  });
  await untilCount(database, 'SELECT count() AS n FROM markets', 1, 5_000);
}, 120_000);

test('malformed markets go to quarantine and their page goes on; odd ones are data', async () => {
  const good = exampleMarket({ id: '700020', name: 'good' });
  const malformed = [
    { ...exampleMarket({ id: '700021', name: 'no condition' }), conditionId: undefined },
    { ...exampleMarket({ id: '700022', name: 'bad condition' }), conditionId: '0x12' },
    { ...exampleMarket({ id: '700023', name: 'null id' }), id: null },
    { ...exampleMarket({ id: '700024', name: 'number id' }), id: 700_024 },
    { ...exampleMarket({ id: '700025', name: 'closed' }), closed: true, conditionId: null },
  ].map((market) => JSON.parse(JSON.stringify(market)) as Record<string, unknown>);
  const odd = [
    exampleMarket({ id: '700030', name: 'three', outcomes: ['Home', 'Draw', 'Away'] }),
    exampleMarket({ id: '700031', name: 'one', outcomes: ['Only'] }),
    { ...exampleMarket({ id: '700032', name: 'none' }), outcomes: '[]', clobTokenIds: '' },
    { ...exampleMarket({ id: '700033', name: 'bare' }), volume: undefined, events: undefined },
  ];
  const rows = [
    exampleTrade({ token: exampleToken('three', 0), second: FROM }),
    exampleTrade({ token: exampleToken('three', 1), second: FROM + 1 }),
    exampleTrade({ token: exampleToken('three', 2), second: FROM + 2 }),
    exampleTrade({ token: exampleToken('one', 0), second: FROM + 3 }),
    exampleTrade({ token: exampleToken('bare', 1), second: FROM + 4 }),
    exampleTrade({ token: exampleToken('good', 1), second: FROM + 5 }),
  ];
  const { environment, database } = await makeWorld({
    rows,
    markets: [good, ...malformed, ...odd],
    from: FROM,
  });
  startWorkersHere(environment);
  await untilCount(database, 'SELECT count() AS n FROM markets', 1 + odd.length, 30_000);
  await untilCount(database, `SELECT count() AS n FROM trades WHERE market_id != ''`, rows.length, 30_000);
  expect(await labels(database)).toEqual([
    `${exampleToken('three', 0)} 700030 token1 Home`,
    `${exampleToken('three', 1)} 700030 token2 Draw`,
    `${exampleToken('three', 2)} 700030  Away`,
    `${exampleToken('one', 0)} 700031 token1 Only`,
    `${exampleToken('bare', 1)} 700033 token2 No`,
    `${exampleToken('good', 1)} 700020 token2 No`,
  ]);
  await untilCount(database, 'SELECT count() AS n FROM quarantine', malformed.length, 30_000);
  const quarantined = await database.rows<{ source: string; record: string; reason: string }>(
    'SELECT source, record, reason FROM quarantine',
  );
  const byText = (a: string, b: string) => (a < b ? -1 : 1);
  expect(quarantined.map(({ record }) => record).sort(byText)).toEqual(
    malformed.map((market) => JSON.stringify(market)).sort(byText),
  );
  expect([...new Set(quarantined.map(({ source }) => source))]).toEqual(['gamma']);
  expect(quarantined.map(({ reason }) => reason).sort()).toEqual([
    'conditionId: missing',
    'conditionId: not 31 or 32 bytes of hex',
    'conditionId: null',
    'id: not a string',
    'id: null',
  ]);
}, 120_000);

function isLookup(closed: boolean): (url: string) => boolean {
  return (url) => url.includes(`closed=${closed}`) && url.includes('clob_token_ids=');
}

/** Each trade's token and label, in the order of time. */
async function labels(database: Database): Promise<string[]> {
  const rows = await database.rows<{ line: string }>(
    `SELECT concat_ws(' ', token_id, market_id, nonusdc_side, outcome) AS line FROM trades ORDER BY timestamp`,
  );
  return rows.map(({ line }) => line);
}
