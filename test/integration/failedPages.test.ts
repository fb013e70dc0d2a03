import { expect, onTestFinished, test } from 'vitest';
import { encodeRows } from '../../src/store/batch.ts';
import { migrate } from '../../src/store/migrate.ts';
import { quarantineRow } from '../../src/store/tables.ts';
import { CATALOGUE } from '../../queues/catalogue.ts';
import { closeContext, createContext, type WorkerContext } from '../../workers/context.ts';
import { recoverFailed } from '../../workers/failedPages.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { startWorkersHere, untilCount } from '../support/pipeline.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const UNKNOWN_TABLE = 60;
/** A pause that is over at once. */
const NONE = { firstPauseMs: 0 };

/** Workers of the queue `writes`, behind a proxy; nothing is fetched, and no tick runs but the test's own calls. */
async function world() {
  const environment = testEnvironment();
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const config = testConfig(environment);
  const context = createContext(config);
  onTestFinished(() => closeContext(context));
  await migrate(context.database);
  startWorkersHere({ ...environment, CLICKHOUSE_URL: proxy.url }, ['writes']);
  return { proxy, context, writes: context.queues.get('writes'), redis: new RedisWorld(environment) };
}

/** Write jobs of one row each that have failed for good, as after their six attempts. */
async function addFailing(context: WorkerContext, count: number, from = 0): Promise<void> {
  for (let index = from; index < from + count; index++) {
    const row = quarantineRow('test', `row-${index}`, 'reason', '{}', 1_700_000_000_000);
    await context.queues
      .get('writes')
      .add(
        'page',
        { rows: { quarantine_versions: encodeRows([row]) }, coverage: [] },
        { jobId: `page-${index}`, attempts: 1 },
      );
  }
}

const POLL = { timeout: 20_000, interval: 50 };
const stored = 'SELECT count() AS n FROM quarantine';

test('what has failed is tried again by itself: one page first, and all once that one works', async () => {
  const { proxy, context, writes } = await world();
  proxy.refuseInserts('quarantine_versions', UNKNOWN_TABLE);
  await addFailing(context, 30);
  await expect.poll(() => writes.getFailedCount(), POLL).toBe(30);

  // Nothing for two minutes: whoever looks at the board goes first.
  const before = proxy.troubled;
  expect(await recoverFailed(context)).toMatchObject({ writes: 0 });
  expect(proxy.troubled).toBe(before);

  // Still broken: one job finds out.
  expect(await recoverFailed(context, NONE)).toMatchObject({ writes: 1 });
  expect(proxy.troubled).toBe(before + 1);
  expect(await writes.getFailedCount()).toBe(30);

  proxy.heal();
  expect(await recoverFailed(context, NONE)).toMatchObject({ writes: 20 });
  await expect.poll(() => writes.getFailedCount(), POLL).toBe(10);
  expect(await recoverFailed(context, NONE)).toMatchObject({ writes: 10 });
  await expect.poll(() => writes.getFailedCount(), POLL).toBe(0);
  await untilCount(context.database, stored, 30, 10_000);
});

test('a page that fails again is left alone for twice as long, and does not keep the others', async () => {
  const { proxy, context, writes, redis } = await world();
  proxy.refuseInserts('quarantine_versions', UNKNOWN_TABLE);
  await addFailing(context, 2);
  await expect.poll(() => writes.getFailedCount(), POLL).toBe(2);
  // As after the attempts of the catalogue and three tries more.
  await redis.setField('writes', 'page-0', 'atm', String(CATALOGUE.writes.attempts + 3));
  await redis.setField('writes', 'page-1', 'atm', String(CATALOGUE.writes.attempts));
  proxy.heal();

  const failedAt = (await writes.getJob('page-1'))?.finishedOn ?? 0;
  const passed = (ms: number) => expect.poll(() => Date.now() - failedAt, POLL).toBeGreaterThan(ms);
  await passed(300);
  expect(await recoverFailed(context, { firstPauseMs: 300 })).toMatchObject({ writes: 1 });
  expect(await writes.getJobState('page-0')).toBe('failed');
  await passed(300 * 8 + 200);
  expect(await recoverFailed(context, { firstPauseMs: 300 })).toMatchObject({ writes: 1 });
  await untilCount(context.database, stored, 2, 10_000);
});

test('a page of another shape is left to a person; failed polls and fetches are gone after an hour', async () => {
  const { context, writes, redis } = await world();
  await writes.add('page', { rows: 'none' }, { jobId: 'odd' });
  await expect.poll(() => writes.getFailedCount(), POLL).toBe(1);
  expect((await writes.getJob('odd'))?.failedReason).toContain('data of another shape');
  expect(await recoverFailed(context, NONE)).toMatchObject({ writes: 0 });

  for (const [id, age] of [
    ['old', 3_700_000],
    ['young', 3_500_000],
  ] as const) {
    await context.queues.get('fetch.goldsky').add('tail', {}, { jobId: id });
    await redis.leaveInFailed('fetch.goldsky', id, Date.now() - age);
  }
  await recoverFailed(context, NONE);
  const failed = await context.queues.get('fetch.goldsky').getFailed();
  expect(failed.map(({ id }) => id)).toEqual(['young']);
});
