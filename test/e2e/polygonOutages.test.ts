import { expect, test } from 'vitest';
import { makeChainWorld, type ChainWorld } from '../support/chain.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { startWorkerProcess, untilCount } from '../support/pipeline.ts';
import { expectSettled } from '../support/settledChain.ts';

const POLL = { timeout: 60_000, interval: 20 };

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
  await expect.poll(() => upstream.chainHead().number, POLL).toBeGreaterThan(away);
  await proxy.up();
  await untilHead(world, 30_000);

  for (const node of ['polygon', 'polygon2'] as const) {
    simulator.control[node].failNext(1_000_000, { kind: 'status', status: 503 });
    const start = upstream.chainHead().number;
    for (let block = start + 1; block <= start + 2; block++) {
      await expect.poll(() => upstream.chainHead().number, POLL).toBeGreaterThanOrEqual(block);
      await untilHead(world, 10_000);
    }
    simulator.control[node].heal();
  }
  await expectSettled(world);
  expect(worker.output.stdout).not.toContain('CIRCUIT_OPEN');
}, 120_000);

/** Waits until the block that is the newest now is there. */
async function untilHead({ database, upstream }: ChainWorld, timeoutMs: number): Promise<void> {
  const { number } = upstream.chainHead();
  await untilCount(database, `SELECT max(block_number) >= ${number} AS n FROM order_events`, 1, timeoutMs);
}
