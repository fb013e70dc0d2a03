import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { coveredEnd } from '../../src/store/coverage.ts';
import type { RequestRecord } from '../../src/simulator/control.ts';
import type { Database } from '../../src/store/clickhouse.ts';
import { makeChainWorld } from '../support/chain.ts';
import { expectedOf } from '../support/chainRows.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { startWorkerProcess, untilCount } from '../support/pipeline.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectSettled } from '../support/settledChain.ts';

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
  await expectSettled(world);
}, 180_000);

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
