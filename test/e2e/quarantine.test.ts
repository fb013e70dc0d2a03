import { expect, test } from 'vitest';
import type { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { LABELLED, TABLES, toLines } from '../../src/store/tables.ts';
import { quarantined } from '../../workers/quarantine.ts';
import { exampleMarket, exampleToken, exampleTrade } from '../support/examples.ts';
import { makeWorld, startWorkersHere, untilComplete, untilCount } from '../support/pipeline.ts';
import { freePort, runProgram } from '../support/processes.ts';
import { makeRecording } from '../support/recording.ts';
import { expectExactly } from '../support/tables.ts';
import type { Environment } from '../support/world.ts';

const FROM = 1_720_000_000;

/** Runs the command to its end. */
async function quarantine(environment: Environment, ...args: string[]) {
  const program = runProgram('src/cli/quarantine.ts', args, { env: environment });
  const { code } = await program.exited;
  return { code, ...program.output };
}

const count = (where: string) => `SELECT count() AS n FROM quarantine WHERE ${where}`;

test('rows that ClickHouse refuses: listed, refused again while the table is as it is, landed once it is mended', async () => {
  const recording = makeRecording({ events: 1_500, seed: 31 });
  const { environment, database } = await makeWorld(recording);
  await migrate(database);
  const refused = [...recording.expected.trades.keys()].filter((_, index) => index % 500 === 300);
  await database.run(
    `ALTER TABLE order_event_versions ADD CONSTRAINT refused_by_the_test
     CHECK concat(transaction_hash, '_', order_hash) NOT IN (${refused.map((id) => `'${id}'`).join()})`,
  );
  startWorkersHere(environment);
  const source = 'clickhouse.order_event_versions';
  await untilCount(database, count(`source = '${source}'`), refused.length, 60_000);
  await untilCount(database, count(`source = 'goldsky'`), recording.expected.quarantine.size, 60_000);

  const reason = 'refused by ClickHouse: VIOLATED_CONSTRAINT refused_by_the_test';
  const listed = await quarantine(environment);
  expect(listed.code, listed.stderr).toBe(0);
  const line = listed.stdout.split('\n').find((text) => text.startsWith(source));
  expect(line?.replaceAll(/\s+/g, ' ')).toContain(`${source} ${reason} ${refused.length} 20`);
  expect(listed.stdout).toContain(`${refused.length + recording.expected.quarantine.size} records.`);

  const inVain = await quarantine(environment, '--retry', '--source', source);
  expect(inVain.code, inVain.stderr).toBe(0);
  expect(inVain.stdout).toContain(
    `${refused.length} records sent again: 0 landed, ${refused.length} still refused.\n  ${refused.length}  ${reason}\n`,
  );
  await untilCount(database, count(`source = '${source}'`), refused.length, 5_000);

  await database.run('ALTER TABLE order_event_versions DROP CONSTRAINT refused_by_the_test');
  const mended = await quarantine(environment, '--retry');
  expect(mended.code, mended.stderr).toBe(0);
  const malformed = recording.expected.quarantine.size;
  expect(mended.stdout).toContain(
    `${refused.length + malformed} records sent again: ${refused.length} landed, ${malformed} still refused.`,
  );
  await untilComplete(database, recording, 30_000);
  await expectExactly(database, recording);
}, 180_000);

test('records that an upgrade can use: landed with the moment of their receipt, the others stay', async () => {
  const { environment, database } = await makeWorld({ rows: [], markets: [], from: FROM });
  await migrate(database);
  startWorkersHere(environment);
  const received = Date.now() - 3_600_000;
  const trades = Array.from({ length: 1_200 }, (_, index) =>
    exampleTrade({ token: exampleToken('retried', index % 2), second: FROM + index }),
  );
  const market = exampleMarket({ id: '700200', name: 'retried' });
  const replaced = { ...trades[0], fee: '7' };
  const bad = { ...trades[1], maker: 'x'.repeat(1_200_000) };
  await insertQuarantined(database, [
    ...trades.map((record, index) =>
      quarantined('goldsky', 'as an older version saw it', record, received + index),
    ),
    quarantined('goldsky', 'as an older version saw it', replaced, received + 60_000),
    quarantined('goldsky', 'as an older version saw it', bad, received),
    quarantined('gamma', 'as an older version saw it', market, received),
    quarantined('gamma', 'conditionId: missing', { id: '700201' }, received),
    quarantined('moon', 'of another pipeline', {}, received),
  ]);

  const retried = await quarantine(environment, '--retry');
  expect(retried.code, retried.stderr).toBe(0);
  expect(retried.stdout.split('\n').filter((line) => !line.startsWith('retry: '))).toEqual([
    '1,204 records sent again: 1,202 landed, 2 still refused.',
    '  1  conditionId: missing',
    '  1  maker: not 20 bytes of hex',
    'They stay in quarantine until an upgrade can use them, or what refuses them is mended.',
    'Not sent: 1 record of moon, a source that this version does not read.',
    '',
  ]);
  expect(
    await database.rows(`SELECT count() AS n, uniqExact(id) AS ids, sum(fee) AS fees FROM order_events`),
  ).toEqual([{ n: '1200', ids: '1200', fees: '7' }]);
  expect(
    await database.rows(
      `WITH intDiv(version % ${LABELLED}, 2) AS millisecond
       SELECT min(millisecond) = ${received + 1} AS oldest, max(millisecond) = ${received + 60_000} AS newest
       FROM order_event_versions`,
    ),
  ).toEqual([{ oldest: 1, newest: 1 }]);
  expect(await database.rows('SELECT id FROM markets')).toEqual([{ id: '700200' }]);
  expect(
    await database.rows(
      'SELECT source, reason, length(record) > 1e6 AS large FROM quarantine ORDER BY source',
    ),
  ).toEqual([
    { source: 'gamma', reason: 'conditionId: missing', large: 0 },
    { source: 'goldsky', reason: 'maker: not 20 bytes of hex', large: 1 },
    { source: 'moon', reason: 'of another pipeline', large: 0 },
  ]);
  // The market came with the trades, or was there before them: labelled either way.
  await untilCount(database, `SELECT count() AS n FROM trades WHERE market_id = '700200'`, 1_200, 30_000);

  const shown = await quarantine(environment, '--show', '--source', 'goldsky');
  const record = JSON.parse(shown.stdout) as Record<string, string>;
  expect(record).toMatchObject({ source: 'goldsky', reason: 'maker: not 20 bytes of hex' });
  expect(JSON.parse(record['record'] ?? '')).toEqual(bad);
}, 120_000);

test('one clear line where there is nothing to do, nobody to do it, or no way to say it so', async () => {
  const { environment, database } = await makeWorld({ rows: [], markets: [], from: FROM });
  await migrate(database);
  const row = quarantined('goldsky', 'r', exampleTrade({ token: '5', second: FROM }), 1);
  const nowhere = `127.0.0.1:${await freePort()}`;
  const [empty, both, noRedis] = await Promise.all([
    quarantine(environment),
    quarantine(environment, '--list', '--retry'),
    quarantine({ ...environment, REDIS_URL: `redis://${nowhere}`, LOG_LEVEL: 'silent' }, '--retry'),
  ]);
  expect(empty).toEqual({ code: 0, stdout: 'The quarantine is empty.\n', stderr: '' });
  expect(both.code).toBe(1);
  expect(both.stderr).toMatch(/^quarantine: --list, --show and --retry do not go together: .*\n$/);
  expect(noRedis).toMatchObject({
    code: 1,
    stderr: `quarantine: Redis does not answer at redis://${nowhere}: start it (npm run services).\n`,
  });

  await insertQuarantined(database, [row]);
  const [none, nobody] = await Promise.all([
    quarantine(environment, '--retry', '--source', 'moon'),
    quarantine(environment, '--retry'),
  ]);
  expect(none).toMatchObject({ code: 0, stdout: 'No such record is in quarantine: nothing was sent.\n' });
  expect(nobody).toMatchObject({ code: 1, stdout: '' });
  expect(nobody.stderr).toMatch(/^quarantine: No worker takes jobs of orders: start one .*\n$/);
  await untilCount(database, count('1'), 1, 1_000);
}, 120_000);

async function insertQuarantined(database: Database, rows: readonly string[]): Promise<void> {
  await database.insertLines('quarantine_versions', TABLES.quarantine_versions, [toLines(rows)]);
}
