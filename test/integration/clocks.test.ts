import { expect, onTestFinished, test } from 'vitest';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { relabel, renewMarks } from '../../src/store/labels.ts';
import { migrate } from '../../src/store/migrate.ts';
import { marketTokenRows, TABLES, unlabelledTokenRow } from '../../src/store/tables.ts';
import { parseMarket } from '../../src/domain/parseMarket.ts';
import { exampleMarket, exampleToken } from '../support/examples.ts';
import { startWorkersHere } from '../support/pipeline.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const HOUR_MS = 3_600_000;

async function world() {
  const environment = testEnvironment();
  const database = new Database(testConfig(environment).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  return { environment, database };
}

/** Gives answers of the market API to workers, one after the other, each as given at its millisecond. */
async function marketWorld() {
  const { environment, database } = await world();
  const { queues } = new RedisWorld(environment);
  startWorkersHere(environment, ['markets', 'writes']);
  let jobs = 0;
  const answer = async (fetchedAt: number, question: string, outcomes = ['Yes', 'No']) => {
    const jobId = `answer-${jobs++}`;
    const market = exampleMarket({ id: '900', name: 'clock', outcomes });
    await queues.add('markets', 'page', { fetchedAt, records: [{ ...market, question }] }, { jobId });
    for (const [queue, id] of [
      ['markets', jobId],
      ['writes', `w-${jobId}`],
    ] as const) {
      const isOver = async () => ['completed', 'unknown'].includes(await queues.get(queue).getJobState(id));
      await expect.poll(isOver, { timeout: 20_000, interval: 20 }).toBe(true);
    }
  };
  const state = async () => {
    const [market] = await database.rows<{ question: string }>('SELECT question FROM markets');
    const tokens = await database.rows<{ outcome: string }>(
      'SELECT outcome FROM market_tokens ORDER BY outcome',
    );
    return [market?.question, ...tokens.map(({ outcome }) => outcome)].join(' ');
  };
  return { answer, state, now: Date.now() };
}

test('an older answer about a market that comes late changes nothing', async () => {
  const { answer, state, now } = await marketWorld();
  await answer(now - 1_000, 'new', ['Up', 'Down']);
  await answer(now - 5_000, 'old');
  expect(await state()).toBe('new Down Up');
  await answer(now, 'newer');
  expect(await state()).toBe('newer No Yes');
}, 60_000);

test('a market that was stored by a clock an hour ahead does not stand still for an hour', async () => {
  const { answer, state, now } = await marketWorld();
  await answer(now + HOUR_MS, 'ahead', ['Up', 'Down']);
  expect(await state()).toBe('ahead Down Up');
  await answer(now, 'right again');
  expect(await state()).toBe('right again No Yes');
  await answer(now + 1_000, 'and again', ['Over', 'Under']);
  expect(await state()).toBe('and again Over Under');
  // What was read an hour ago, and lay in failed since, is still old.
  await answer(now - HOUR_MS, 'late');
  expect(await state()).toBe('and again Over Under');
}, 60_000);

test("a mark of an unlabelled token that was hidden by a jump of the server's clock is found again", async () => {
  const { database } = await world();
  const day = 1_720_000_000;
  const parsed = parseMarket(exampleMarket({ id: '901', name: 'marks' }));
  if (!parsed.ok) throw new Error(parsed.reason);
  const known = exampleToken('marks', 0);
  const events = [known, '5'].map((token_id, index) => {
    const row: Record<string, unknown> = {
      timestamp: day + index,
      token_id,
      maker_direction: 'BUY',
      version: 2,
      exchange_version: 1,
    };
    const zero = [
      'log_index',
      'block_number',
      'usd_amount',
      'token_amount',
      'fee',
      'is_taker_side',
      'is_deleted',
    ];
    return JSON.stringify(
      TABLES.order_event_versions.map((column) => row[column] ?? (zero.includes(column) ? 0 : '')),
    );
  });
  await writeBatch(database, {
    rows: {
      order_event_versions: [encodeRows(events)],
      market_token_versions: [encodeRows(marketTokenRows(parsed.market, 1))],
    },
    coverage: [],
  });
  // Marks that were answered while the clock was an hour ahead; then it jumped back, and a page marked its token again.
  await database.run(
    `INSERT INTO unlabelled_token_versions (token_id, day, version, is_deleted)
     SELECT arrayJoin(['${known}', '5']), toDate(${day}), toUnixTimestamp64Micro(now64(6) + INTERVAL 1 HOUR), 1`,
  );
  await writeBatch(database, {
    rows: { unlabelled_token_versions: [encodeRows([unlabelledTokenRow(known, day)])] },
    coverage: [],
  });
  expect(await relabel(database)).toEqual([]);

  await renewMarks(database);
  // Of a token that no market lists nothing can be found.
  expect(await database.rows('SELECT token_id FROM unlabelled_tokens')).toEqual([{ token_id: known }]);
  expect(await relabel(database)).toEqual([known]);
  expect(await database.rows('SELECT token_id, market_id FROM trades ORDER BY timestamp')).toEqual([
    { token_id: known, market_id: '901' },
    { token_id: '5', market_id: '' },
  ]);
  expect(await database.rows('SELECT token_id FROM unlabelled_tokens')).toEqual([]);
}, 60_000);
