import type { Job } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import type { GammaSource } from '../../src/sources/gamma.ts';
import { migrate } from '../../src/store/migrate.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { fetchGamma } from '../../workers/fetch.gamma.ts';
import { ticks } from '../../workers/ticks.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const POLL_MS = 30_000;
const OPEN = false;
const MARKETS = [{ id: '1', volume: 5 }];

/** Polls, and sweeps of open markets that find one page. */
async function setUp() {
  const config = testConfig(testEnvironment({ MARKETS_POLL_MS: String(POLL_MS) }));
  const context = createContext(config);
  onTestFinished(() => closeContext(context));
  await migrate(context.database);
  const { sweeps, storedPages } = context;
  const poll = ticks(context);
  let polls = 0;
  /** Whether a poll starts a sweep of open markets, where the one before began that long ago. */
  const starts = async (agoMs: number) => {
    const startedAt = Date.now() - agoMs;
    await sweeps.update(OPEN, { startedAt, finishedAt: startedAt + 1, chainJobId: undefined });
    const job = { id: `poll-${polls++}` } as Job;
    const { sweepOpen } = await poll({ task: 'markets' }, { job, signal: undefined });
    return sweepOpen;
  };
  const sweep = async (markets: unknown[]) => {
    const gamma = { fetchMarkets: () => Promise.resolve({ markets, nextCursor: undefined }) };
    const fetch = fetchGamma({ ...context, gamma: gamma as unknown as GammaSource });
    const chain = { id: `sweep-${polls++}`, step: 0 };
    await fetch({ kind: 'sweep', closed: OPEN, chain }, { job: { id: chain.id } as Job, signal: undefined });
  };
  const isStored = async () => {
    storedPages.note(MARKETS, { ids: ['1'], written: await storedPages.written() });
  };
  return { starts, sweep, isStored, quiet: async () => (await sweeps.read(OPEN)).quietSweeps };
}

test('sweeps that bring no news become rarer, up to one in four polls; news brings them back to each poll', async () => {
  const { starts, sweep, isStored, quiet } = await setUp();
  await sweep(MARKETS);
  expect(await quiet()).toBeUndefined();
  expect(await starts(POLL_MS)).toBe(true);

  await isStored();
  await sweep(MARKETS);
  expect([await quiet(), await starts(POLL_MS), await starts(2 * POLL_MS)]).toEqual([1, false, true]);
  for (let more = 1; more <= 3; more++) await sweep(MARKETS);
  expect([await quiet(), await starts(3 * POLL_MS), await starts(4 * POLL_MS)]).toEqual([4, false, true]);

  await sweep([{ id: '1', volume: 6 }]);
  expect(await starts(POLL_MS)).toBe(true);
});

test('an empty page at the end of a sweep is no news', async () => {
  const { sweep, isStored, quiet } = await setUp();
  await isStored();
  await sweep([]);
  expect(await quiet()).toBe(1);
});
