import { expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestRecord } from '../../src/simulator/control.ts';
import { expectChain, makeChainWorld, untilChain, type ChainWorld } from '../support/chain.ts';
import { expectedOf } from '../support/chainRows.ts';
import { endedCommand, startCommand } from '../support/commands.ts';
import { startWorkerProcess, untilCount } from '../support/pipeline.ts';

const TAIL_BLOCKS = 10;
/** A poll, what is asked of two nodes, and the wait for an insert; much more is a tail that waits for the backfill. */
const LATEST_MS = 8_000;

test('older blocks are filled beside the live tail, killed and run again, then through HyperSync: exact, and fetched once', async () => {
  const world = await makeChainWorld({
    historySeconds: 400,
    exchange: { eventsPerSecond: 20, finalityBlocks: 3, seed: 91 },
    simulator: { latencyMs: 80, nodes: { polygon: { maxBlocks: 5 }, polygon2: { maxBlocks: 5 } } },
  });
  const { database, simulator, upstream, firstBlock } = world;
  const tail = upstream.chainHead().number - TAIL_BLOCKS;
  const half = Math.floor((firstBlock + tail) / 2);
  const limits = { POLYGON_REQUESTS_PER_10S: '100' };
  const environment = { ...world.environment, ...limits, POLYGON_START: String(tail) };
  const bulk = {
    HYPERSYNC_TOKEN: 'token',
    HYPERSYNC_URL: simulator.hypersyncUrl,
    HYPERSYNC_REQUESTS_PER_10S: '0',
  };
  await startWorkerProcess({ ...environment, ...bulk });
  await untilCount(database, `SELECT max(to_position) > ${tail} AS n FROM coverage`, 1, 60_000);

  const head = watchHead(world);
  const later = ['--source', 'polygon', '--from', String(half), '--to', String(tail)];
  const killed = startCommand('backfill', later, environment);
  const some = `SELECT count() > 200 AS n FROM order_events WHERE block_number < ${tail}`;
  await untilCount(database, some, 1, 60_000);
  killed.child.kill('SIGKILL');
  await killed.exited;
  const again = await endedCommand('backfill', later, environment);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).not.toContain('HyperSync');
  expect(simulator.control.hypersync.counts.count).toBe(0);
  const asked = simulator.control.polygon.requests.map(firstOf).filter((block) => block !== undefined);
  const past = asked.filter((block) => block >= half && block < tail);
  // By a few blocks a request, each block of the first node once; what was read late is read again.
  expect(new Set(past).size).toBeGreaterThan(10);

  const earlier = ['--source', 'polygon', '--from', String(firstBlock), '--to', String(half)];
  const through = await endedCommand('backfill', earlier, { ...environment, ...bulk });
  expect(through).toMatchObject({ code: 0, stderr: '' });
  expect(through.stdout).toContain('Through HyperSync');
  expect(simulator.control.hypersync.counts.count).toBeGreaterThan(0);
  expect(asked.filter((block) => block < half)).toEqual([]);

  const delays = await head.end();
  expect(delays.length).toBeGreaterThan(2);
  expect(Math.max(...delays)).toBeLessThan(LATEST_MS);

  upstream.quieten();
  const expected = expectedOf(upstream, firstBlock);
  await untilChain(database, expected, 60_000);
  await expectChain(database, world, expected);
  await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 20_000);
  const covered = `SELECT sum(events + quarantined) AS n FROM coverage WHERE to_position <= ${tail}`;
  const [read] = await database.rows<{ n: string }>(covered);
  const older = upstreamLogs(world, firstBlock, tail);
  expect(Number(read?.n)).toBeGreaterThanOrEqual(older);
  expect(Number(read?.n)).toBeLessThan(older * 1.2);
}, 180_000);

function upstreamLogs({ upstream }: ChainWorld, from: number, to: number): number {
  let logs = 0;
  for (let block = from; block < to; block++) logs += upstream.logs(block).length;
  return logs;
}

/** The first block whose logs a request asks for; undefined where it asks for something else. */
function firstOf({ body }: RequestRecord): number | undefined {
  const block = /"fromBlock":"(0x[0-9a-f]+)"/.exec(body)?.[1];
  return block === undefined ? undefined : Number(block);
}

/** Milliseconds from each new block's time until a block as new is there. */
function watchHead({ database, upstream }: ChainWorld): { end: () => Promise<number[]> } {
  let running = true;
  const watch = async (): Promise<number[]> => {
    const delays: number[] = [];
    while (running) {
      const { number, timestamp } = upstream.chainHead();
      await untilCount(database, `SELECT max(block_number) >= ${number} AS n FROM order_events`, 1, 60_000);
      delays.push(Date.now() - timestamp * 1000);
      await sleep(200);
    }
    return delays;
  };
  const done = watch();
  const end = async () => {
    running = false;
    return await done;
  };
  return { end };
}
