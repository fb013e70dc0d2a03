import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Database } from '../../src/store/clickhouse.ts';
import { QUEUE_NAMES } from '../../queues/catalogue.ts';
import { makeChainWorld, type ChainWorld } from '../support/chain.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { startWorkerProcess, startWorkersHere, untilCount } from '../support/pipeline.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectSettled } from '../support/settledChain.ts';

const REORGS = 6;
const POLL = { timeout: 30_000, interval: 50 };
/** A page of a branch that lands after a comparison is taken out by that of a next poll; a busy machine takes its time. */
const LONGEST_BOTH_MS = 15_000;

test('a SELECT never shows a row twice, nor for long both sides of a reorg, also where Redis is emptied before it', async () => {
  const world = await makeChainWorld({
    historySeconds: 60,
    exchange: { eventsPerSecond: 40, finalityBlocks: 4, seed: 61 },
  });
  const { environment, database, upstream } = world;
  const redis = new RedisWorld(environment);
  await startWorkerProcess(environment);
  await untilHeadIsStored(world);

  const watch = watchBlocks(database);
  for (let reorg = 0; reorg < REORGS; reorg++) {
    await untilHeadIsStored(world);
    // The state that says how far was read beyond the final blocks is gone before the reorg is seen.
    if (reorg % 3 === 2) expect(await redis.empty()).toBeGreaterThan(0);
    upstream.reorg(1 + (reorg % 4));
  }
  await expectSettled(world);
  const seen = await watch.end();
  expect(seen.looks).toBeGreaterThan(20);
  expect(seen.twice).toEqual([]);
  expect(seen.longestBothMs).toBeLessThan(LONGEST_BOTH_MS);
}, 120_000);

test('pages of a branch that reach ClickHouse only when those in their place are final: the final chain is left', async () => {
  let aheadMs = 0;
  const world = await makeChainWorld({
    historySeconds: 40,
    exchange: { eventsPerSecond: 30, finalityBlocks: 2, seed: 62, now: () => Date.now() + aheadMs },
  });
  const { environment, database, upstream } = world;
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  // Fetching and look-ups go on; only what is to be written of pages is held back.
  startWorkersHere(
    environment,
    QUEUE_NAMES.filter((name) => name !== 'orders'),
  );
  startWorkersHere({ ...environment, CLICKHOUSE_URL: proxy.url }, ['orders']);
  await untilHeadIsStored(world);
  proxy.makeTrouble({ table: 'order_event_versions' }, { kind: 'refuse', code: 243 });
  const redis = new RedisWorld(environment);
  const block = upstream.chainHead().number + 1;
  await expect.poll(() => upstream.chainHead().number, POLL).toBeGreaterThanOrEqual(block);
  const gone = upstream.block(block).hash;
  const isHeld = async () => {
    const jobs = await redis.queues.get('orders').getJobs(['active', 'waiting', 'delayed', 'prioritized']);
    return jobs.some(({ data }) => JSON.stringify(data).includes(gone));
  };
  await expect.poll(isHeld, POLL).toBe(true);
  upstream.reorg(2);
  expect(upstream.block(block).hash).not.toBe(gone);
  const head = upstream.chainHead().number;
  // They are final at once.
  aheadMs = 8_000;
  await expect.poll(() => redis.tail('polygon'), POLL).toBeGreaterThan(head);
  proxy.heal();
  const late = `SELECT count() > 0 AS n FROM order_event_versions WHERE block_hash = '${gone}'`;
  await untilCount(database, late, 1, 20_000);
  // A mark is answered once no newer page renews it: that comes sooner.
  aheadMs = 40_000;
  await expectSettled(world);
}, 120_000);

/** Waits until the chain's newest block, or the one before it, is there as the chain has it. */
async function untilHeadIsStored({ database, upstream }: ChainWorld): Promise<void> {
  const isStored = async () => {
    const head = upstream.chainHead();
    const hashes = [head.hash, head.parentHash].map((hash) => `'${hash}'`).join();
    const query = `SELECT count() AS n FROM order_events WHERE block_hash IN (${hashes})`;
    const [row] = await database.rows<{ n: string }>(query).catch(() => []);
    return Number(row?.n ?? 0);
  };
  await expect.poll(isStored, { timeout: 60_000, interval: 50 }).toBeGreaterThan(0);
}

interface Seen {
  readonly looks: number;
  /** Rows that were there twice. */
  readonly twice: readonly string[];
  /** How long blocks of the same number were there at once. */
  readonly longestBothMs: number;
}

/** Looks at what a plain SELECT shows, again and again. */
function watchBlocks(database: Database): { end: () => Promise<Seen> } {
  let running = true;
  const look = async (): Promise<Seen> => {
    const twice = new Set<string>();
    const since = new Map<string, number>();
    let [looks, longestBothMs] = [0, 0];
    while (running) {
      const rows = await database.rows<{ block: string; branches: string; double: string[] }>(
        `SELECT block_number AS block, uniqExact(block_hash) AS branches,
           if(count() = uniqExact(id, block_hash), [], [toString(block_number)]) AS double
         FROM order_events GROUP BY block_number HAVING branches > 1 OR notEmpty(double)`,
      );
      looks++;
      const now = performance.now();
      const both = new Set(rows.filter(({ branches }) => Number(branches) > 1).map(({ block }) => block));
      for (const block of since.keys()) if (!both.has(block)) since.delete(block);
      for (const block of both) {
        const start = since.get(block) ?? now;
        since.set(block, start);
        longestBothMs = Math.max(longestBothMs, now - start);
      }
      for (const { double } of rows) for (const block of double) twice.add(block);
      await sleep(100);
    }
    return { looks, twice: [...twice], longestBothMs };
  };
  const done = look();
  const end = async () => {
    running = false;
    return await done;
  };
  return { end };
}
