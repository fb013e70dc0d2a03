import { expect, onTestFinished, test } from 'vitest';
import type { CoveredRange } from '../../src/domain/coverage.ts';
import { coveredEnd, recordCoverage } from '../../src/store/coverage.ts';
import { migrate } from '../../src/store/migrate.ts';
import { PRIORITY } from '../../queues/catalogue.ts';
import { addRange } from '../../queues/ranges.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { refetchGaps } from '../../workers/gaps.ts';
import { Looks } from '../../workers/looks.ts';
import { makeWorld, startWorkerProcess } from '../support/pipeline.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { testConfig } from '../support/world.ts';

const at = (position: number) => ({ position, id: '' });

test('the pages of a past range wait behind those of the live tail', async () => {
  const recording = makeRecording({ events: 3_000, seed: 51 });
  const tail = recording.to - 10;
  const { environment } = await makeWorld(recording, { GOLDSKY_START: String(tail) });
  const { queues } = new RedisWorld(environment);
  const range = { source: 'goldsky', from: at(recording.from), to: tail, bulk: false } as const;
  await addRange(queues, range, 'past', PRIORITY.backfill);
  await startWorkerProcess(environment, ['--queues=ticks,fetch.goldsky']);

  // BullMQ takes what waits without a priority first, then what has one.
  const pages = async (state: 'waiting' | 'prioritized') =>
    (await queues.get('orders').getJobs([state])).map(({ id = '' }) =>
      id.includes('range-past-') ? 'past' : 'tail',
    );
  await expect.poll(() => pages('waiting'), { timeout: 30_000 }).toContain('tail');
  await expect.poll(() => pages('prioritized'), { timeout: 30_000 }).toContain('past');
  expect(await pages('waiting')).not.toContain('past');
  expect(await pages('prioritized')).not.toContain('tail');
}, 120_000);

test('a gap that a chain is still to close is left to it; once the chain is gone, the gap is fetched', async () => {
  const { environment, database } = await makeWorld({ rows: [], markets: [], from: 0 });
  await migrate(database);
  const context = createContext(testConfig(environment));
  onTestFinished(() => closeContext(context));
  const covered = (from: number, to: number): CoveredRange => ({
    source: 'goldsky',
    from: at(from),
    to: at(to),
    events: 0,
    quarantined: 0,
  });
  await recordCoverage(database, [covered(100, 200), covered(300, 400), covered(500, 600)]);
  const wanted = { source: 'goldsky', from: at(350), to: 500, bulk: false } as const;
  await addRange(context.queues, wanted, 'past', PRIORITY.backfill);

  const looks = new Looks(context.redis, context.queues);
  const fetched = async () => {
    await refetchGaps(context, looks, 'tick');
    const jobs = await context.queues.get('fetch.goldsky').getJobs(['prioritized']);
    return jobs.map(({ data }) => (data as { cursor: { position: number } }).cursor.position).toSorted();
  };
  await expect.poll(fetched, { timeout: 20_000, interval: 500 }).toEqual([200, 350]);
  await context.queues.get('fetch.goldsky').obliterate({ force: true });
  await expect.poll(fetched, { timeout: 20_000, interval: 500 }).toContain(400);
  expect(await coveredEnd(database, 'goldsky')).toEqual(at(600));
}, 60_000);
