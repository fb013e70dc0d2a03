import { expect, onTestFinished, test } from 'vitest';
import { FetchPlaces } from '../../src/cli/fetchPlaces.ts';
import { concurrencyOf } from '../../queues/catalogue.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { registerWorker } from '../../workers/register.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const QUEUE = 'fetch.goldsky';

/** How many chains a backfill has under way, with so many workers. */
async function chainsWith(workers: number, requestsPer10s: number): Promise<number> {
  const config = testConfig(testEnvironment({ GOLDSKY_REQUESTS_PER_10S: String(requestsPer10s) }));
  const context = createContext(config);
  const running = Array.from({ length: workers }, () =>
    registerWorker(QUEUE, () => Promise.resolve({}), context),
  );
  onTestFinished(async () => {
    await Promise.all(running.map((worker) => worker.close()));
    await closeContext(context);
  });
  await Promise.all(running.map((worker) => worker.waitUntilReady()));
  return await new FetchPlaces(context.queues, config, QUEUE).chains();
}

test('there are more chains than requests that the workers can make at once, and never few', async () => {
  const places = concurrencyOf(QUEUE, testConfig(testEnvironment()));
  expect(await chainsWith(0, 0)).toBe(8);
  expect(await chainsWith(1, 0)).toBe(8);
  const chains = await chainsWith(6, 0);
  expect(chains).toBeGreaterThan(6 * places);
  expect(chains).toBeLessThanOrEqual(12 * places);
});

test('an API that allows little has no more chains than can be on their way, however many workers there are', async () => {
  expect(await chainsWith(6, 5)).toBe(8);
  expect(await chainsWith(6, 20)).toBeLessThanOrEqual(30);
});
