import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { coveredEnd } from '../../src/store/coverage.ts';
import type { RequestRecord } from '../../src/simulator/control.ts';
import type { Database } from '../../src/store/clickhouse.ts';
import { expectChain, makeChainWorld, untilChain, type ChainWorld } from '../support/chain.ts';
import { expectedOf } from '../support/chainRows.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { startWorkerProcess, untilCount } from '../support/pipeline.ts';
import { RedisWorld } from '../support/redisWorld.ts';

const POLL = { timeout: 60_000, interval: 20 };
/** How much of the history is there when a worker is killed. */
const DEATHS = [0.1, 0.4];

test('workers are killed while history and head are read, a page is lost, Redis is emptied: the final chain, exactly', async () => {
  const world = await makeChainWorld({
    historySeconds: 240,
    exchange: { eventsPerSecond: 30, finalityBlocks: 4, seed: 71 },
    simulator: { latencyMs: 60, nodes: { polygon: { maxBlocks: 8 }, polygon2: { maxBlocks: 8 } } },
  });
  const { environment, database, simulator, upstream, firstBlock } = world;
  const history = expectedOf(upstream, firstBlock).orderEvents.size;
  const rows = (share: number) =>
    untilCount(database, `SELECT count() > ${Math.floor(history * share)} AS n FROM order_events`, 1, 60_000);
  for (const share of DEATHS) {
    const victim = await startWorkerProcess(environment);
    await rows(share);
    upstream.reorg(2);
    victim.child.kill('SIGKILL');
    await victim.exited;
  }
  await lose(database, firstBlock + 10, firstBlock + 20);
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const worker = await startWorkerProcess({ ...environment, CLICKHOUSE_URL: proxy.url });
  await rows(0.6);

  // Pages pile up behind a ClickHouse that takes none, so that there is something to lose; what is covered stays.
  proxy.refuseInserts('order_event_versions', 252);
  await proxy.nextTrouble();
  const redis = new RedisWorld(environment);
  await expect.poll(async () => (await redis.queues.queuedPages()).onTheirWay, POLL).toBeGreaterThan(3);
  expect(await redis.empty()).toBeGreaterThan(10);
  const emptied = Date.now();
  const covered = (await coveredEnd(database, 'polygon'))?.position ?? 0;
  const asked = () => simulator.control.polygon.requests.filter(({ at }) => at > emptied + 200).map(firstOf);
  await expect.poll(asked, POLL).toContain(covered);
  proxy.heal();

  await rows(1);
  upstream.reorg(3);
  await sleep(700);
  worker.child.kill('SIGTERM');
  expect(await worker.exited, worker.output.stderr).toEqual({ code: 0, signal: null });
  upstream.reorg(2);
  await startWorkerProcess(environment);
  await expectFinal(world);
}, 180_000);

test('ClickHouse is away, then one node, then another: one node that works is enough, and nothing is lost', async () => {
  const world = await makeChainWorld({
    historySeconds: 60,
    exchange: { eventsPerSecond: 30, finalityBlocks: 3, seed: 72 },
  });
  const { environment, simulator, upstream } = world;
  const urls = simulator.polygonUrls.slice(0, 2).join(',');
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const settings = { ...environment, POLYGON_RPC_URL: urls, CLICKHOUSE_URL: proxy.url };
  const worker = await startWorkerProcess(settings);
  await untilHead(world, 60_000);

  await proxy.down();
  const away = upstream.chainHead().number;
  await expect.poll(() => upstream.chainHead().number, POLL).toBeGreaterThan(away + 1);
  await proxy.up();
  await untilHead(world, 30_000);

  for (const node of ['polygon', 'polygon2'] as const) {
    simulator.control[node].failNext(1_000_000, { kind: 'status', status: 503 });
    const start = upstream.chainHead().number;
    for (let block = start + 1; block <= start + 3; block++) {
      await expect.poll(() => upstream.chainHead().number, POLL).toBeGreaterThanOrEqual(block);
      await untilHead(world, 10_000);
    }
    simulator.control[node].heal();
  }
  await expectFinal(world);
  expect(worker.output.stdout).not.toContain('CIRCUIT_OPEN');
}, 120_000);

/** Waits until the block that is the newest now is there. */
async function untilHead({ database, upstream }: ChainWorld, timeoutMs: number): Promise<void> {
  const { number } = upstream.chainHead();
  await untilCount(database, `SELECT max(block_number) >= ${number} AS n FROM order_events`, 1, timeoutMs);
}

/** Trading ends: the tables become what the chain has. */
async function expectFinal(world: ChainWorld): Promise<void> {
  const { database, upstream, firstBlock } = world;
  upstream.quieten();
  const expected = expectedOf(upstream, firstBlock);
  await untilChain(database, expected, 60_000);
  const settled = async () => {
    const found = await database.rows<{ hash: string }>(
      'SELECT DISTINCT block_hash AS hash FROM order_events',
    );
    return found.map(({ hash }) => hash).toSorted();
  };
  const wanted = [...new Set(expected.blockHashes.values())].toSorted();
  await expect.poll(settled, { timeout: 60_000, interval: 200 }).toEqual(wanted);
  await expectChain(database, world, expected);
  await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 20_000);
  const end = upstream.chainHead().number - upstream.finalityBlocks;
  await expect.poll(async () => (await coveredEnd(database, 'polygon'))?.position, POLL).toBeGreaterThan(end);
}

/** Takes blocks and their coverage away, as the loss of a page between other pages does. */
async function lose(database: Database, from: number, to: number): Promise<void> {
  const now = 'SETTINGS mutations_sync = 2';
  await database.run(
    `ALTER TABLE covered_range_versions DELETE WHERE from_position < {to:UInt64} AND to_position > {from:UInt64} ${now}`,
    { from, to },
  );
  const [gap] = await database.rows<{ from: string; to: string }>(
    'SELECT min(from_position) AS from, max(to_position) AS to FROM coverage_gaps',
  );
  expect(Number(gap?.to)).toBeGreaterThan(Number(gap?.from));
  await database.run(
    `ALTER TABLE order_event_versions DELETE WHERE block_number >= {from:UInt64} AND block_number < {to:UInt64} ${now}`,
    { from: Number(gap?.from), to: Number(gap?.to) },
  );
}

/** The first block whose logs a request asks for; undefined where it asks for something else. */
function firstOf({ body }: RequestRecord): number | undefined {
  const block = /"fromBlock":"(0x[0-9a-f]+)"/.exec(body)?.[1];
  return block === undefined ? undefined : Number(block);
}
