import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { closeContext, createContext } from '../../workers/context.ts';
import { Looks } from '../../workers/looks.ts';
import { registerWorker } from '../../workers/register.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

/** A replica, and a job that writes. */
async function setUp() {
  const context = createContext(testConfig(testEnvironment()));
  const worker = registerWorker('writes', () => Promise.resolve({}), context);
  onTestFinished(async () => {
    await worker.close();
    await closeContext(context);
  });
  await worker.waitUntilReady();
  let jobs = 0;
  const write = async () => {
    const done = once(worker, 'completed');
    jobs += 1;
    await context.queues.add('writes', 'test', { rows: {}, coverage: [] }, { jobId: `write-${jobs}` });
    await done;
  };
  return { context, write };
}

test('a look that found nothing is made again only once something was written', async () => {
  const { context, write } = await setUp();
  const looks = new Looks(context.redis, context.queues);
  const look = async () => await looks.make('gaps', () => Promise.resolve({ found: 0, quietMs: Infinity }));
  expect([await look(), await look(), await look()]).toEqual([0, undefined, undefined]);
  await write();
  expect([await look(), await look()]).toEqual([0, undefined]);
});

test('a look that found something, or failed, is made again; each kind for itself', async () => {
  const { context } = await setUp();
  const looks = new Looks(context.redis, context.queues);
  const look = async (name: string, quietMs: number) =>
    await looks.make(name, () => Promise.resolve({ found: 1, quietMs }));
  expect([await look('gaps', 0), await look('gaps', 0)]).toEqual([1, 1]);
  await expect(looks.make('labels', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect([await look('labels', Infinity), await look('labels', Infinity)]).toEqual([1, undefined]);
  expect(await look('gaps', 0)).toBe(1);
});

test('what is written during a look is looked for again', async () => {
  const { context, write } = await setUp();
  const looks = new Looks(context.redis, context.queues);
  const during = async () => {
    await write();
    return { found: 0, quietMs: Infinity };
  };
  expect(await looks.make('gaps', during)).toBe(0);
  expect(await looks.make('gaps', during)).toBe(0);
});

test('a page of markets that was found stored brings no news until something is written', async () => {
  const { context, write } = await setUp();
  const { storedPages } = context;
  const page = [{ id: '1', volume: 5 }];
  expect(await storedPages.idsOf(page)).toBeUndefined();
  storedPages.note(page, { ids: ['1'], written: await storedPages.written() });
  expect(await storedPages.idsOf([{ id: '1', volume: 5 }])).toEqual(['1']);
  expect(await storedPages.idsOf([{ id: '1', volume: 6 }])).toBeUndefined();
  await write();
  expect(await storedPages.idsOf(page)).toBeUndefined();
});
