import type { Job } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import type { PolygonSource } from '../../src/sources/polygon.ts';
import type { BlockRef, Heads, LogsOptions, LogsPage } from '../../src/sources/polygonTypes.ts';
import type { OrdersPayload } from '../../queues/payloads.ts';
import type { SourceState } from '../../queues/sourceState.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { fetchTail } from '../../workers/polygonTail.ts';
import { exampleLogV2 } from '../support/exampleLogs.ts';
import { testConfig, testEnvironment, type Environment } from '../support/world.ts';

const HEAD = 91_000_000;
const FINAL = HEAD - 10;
const CHAIN = { id: 'chain', step: 0 };

const hash = (number: number, branch = 'a') => `0x${branch.repeat(2)}${String(number).padStart(62, '0')}`;
const block = (number: number, branch = 'a'): BlockRef => ({
  number,
  hash: hash(number, branch),
  parentHash: hash(number - 1, branch),
  timestamp: Math.floor(Date.now() / 1000) - (HEAD - number) * 2,
});

interface Given {
  readonly cursor: number;
  readonly state?: Partial<SourceState>;
  /** What of block `number` the nodes have when the logs are asked for. */
  readonly blockAt?: (number: number) => BlockRef;
  readonly environment?: Environment;
}

/** One step of the tail over a chain with a log in each block. */
async function step({ cursor, state, blockAt = block, environment }: Given) {
  const context = createContext(testConfig(testEnvironment({ ORDER_SOURCES: 'polygon', ...environment })));
  onTestFinished(() => closeContext(context));
  const asked: LogsOptions[] = [];
  const heads = ({ also }: { readonly also?: number }): Promise<Heads> =>
    Promise.resolve({
      latest: block(HEAD),
      finalized: block(FINAL),
      also: also === undefined ? undefined : block(also),
    });
  const fetchLogs = (options: LogsOptions): Promise<LogsPage> => {
    asked.push(options);
    const { from, to } = options;
    const blocks = Array.from({ length: to - from }, (_, at) => blockAt(from + at));
    const logs = blocks.map((one) => ({ ...exampleLogV2({ block: one.number, blockHash: one.hash }) }));
    return Promise.resolve({ from, to, logs, blocks, witnesses: 2 });
  };
  const polygon = { heads, fetchLogs } as unknown as PolygonSource;
  const at = { position: cursor, id: '' };
  await context.sources.update('polygon', { chainId: CHAIN.id, cursor: at, ...state });
  const payload = { kind: 'tail', cursor: at, chain: CHAIN } as const;
  const job = { id: 'tail', opts: {} } as Job;
  await fetchTail({ ...context, polygon }, payload, { job, signal: undefined });
  const jobs = await context.queues.get('orders').getJobs(['waiting']);
  const pages = jobs.map(({ data }) => data as OrdersPayload);
  const { headRead, cursor: after } = await context.sources.read('polygon');
  return { asked, pages, headRead, cursor: after?.position };
}

const rangesOf = (asked: readonly LogsOptions[]) => asked.map(({ from, to }) => [from, to]);

test('blocks that were read before they were final are compared once they are, and newer ones are read on', async () => {
  const headRead = { number: HEAD - 2, hash: hash(HEAD - 2) };
  const found = await step({ cursor: FINAL - 3, state: { headRead } });
  // Both at once.
  expect(rangesOf(found.asked).toSorted()).toEqual([
    [FINAL - 3, FINAL + 1],
    [HEAD - 1, HEAD + 1],
  ]);
  const [final, newest] = found.pages.toSorted((a, b) => Number(a.range === null) - Number(b.range === null));
  expect(final?.blocks).toHaveLength(4);
  expect(newest?.blocks).toBeUndefined();
  expect(found).toMatchObject({ cursor: FINAL + 1, headRead: { number: HEAD, hash: hash(HEAD) } });
});

test('after a loss of Redis recent final blocks are compared: what of them was read before is not known', async () => {
  const recent = await step({ cursor: FINAL - 100 });
  expect(recent.asked[0]).toMatchObject({ from: FINAL - 100, canonical: true });
  expect(recent.pages.every(({ blocks }) => blocks !== undefined)).toBe(true);

  const history = await step({ cursor: FINAL - 1_000 });
  expect(rangesOf(history.asked)).toEqual([[FINAL - 1_000, HEAD - 300]]);
  expect(history.pages.every(({ blocks }) => blocks === undefined)).toBe(true);
  expect(history.cursor).toBe(HEAD - 300);

  const onlyFinal = await step({ cursor: FINAL - 100, environment: { POLYGON_HEAD: 'finalized' } });
  expect(rangesOf(onlyFinal.asked)).toEqual([[FINAL - 100, FINAL + 1]]);
  expect(onlyFinal.pages.every(({ blocks }) => blocks === undefined)).toBe(true);
});

test('a reorg between the question for the heads and that for the logs: nothing is read on', async () => {
  const headRead = { number: HEAD - 1, hash: hash(HEAD - 1) };
  const found = await step({
    cursor: FINAL + 1,
    state: { headRead },
    blockAt: (number) => block(number, 'b'),
  });
  expect(rangesOf(found.asked)).toEqual([[HEAD, HEAD + 1]]);
  expect(found.pages).toEqual([]);
  expect(found.headRead).toEqual(headRead);
});

test('the newest block read is of a branch that is gone: all that are not final are read again and compared', async () => {
  const headRead = { number: HEAD - 1, hash: hash(HEAD - 1, 'b') };
  const found = await step({ cursor: FINAL + 1, state: { headRead } });
  expect(rangesOf(found.asked)).toEqual([[FINAL + 1, HEAD + 1]]);
  expect(found.pages.map(({ blocks }) => blocks?.length)).toEqual([HEAD - FINAL]);
  expect(found.headRead).toMatchObject({ number: HEAD, compared: { to: HEAD + 1 } });
});
