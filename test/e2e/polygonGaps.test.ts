import { expect, test } from 'vitest';
import { NODE_NAMES } from '../../src/simulator/control.ts';
import { coveredEnd } from '../../src/store/coverage.ts';
import { PRIORITY } from '../../queues/catalogue.ts';
import { addRange } from '../../queues/ranges.ts';
import { expectChain, makeChainWorld, untilChain } from '../support/chain.ts';
import { expectedOf } from '../support/chainRows.ts';
import { startWorkersHere, untilCount } from '../support/pipeline.ts';
import { RedisWorld } from '../support/redisWorld.ts';

const GAP_BLOCKS = 60;

test('a gap of recent blocks is read again by itself, for both nodes that answered for it may have lacked the same logs', async () => {
  const world = await makeChainWorld({
    historySeconds: 300,
    exchange: { eventsPerSecond: 10, finalityBlocks: 2, seed: 71 },
  });
  const { environment, database, simulator, upstream, firstBlock } = world;
  const to = firstBlock + GAP_BLOCKS;
  startWorkersHere({ ...environment, POLYGON_START: String(to) });
  const isCovered = async () => ((await coveredEnd(database, 'polygon'))?.position ?? 0) > to;
  await untilCount(database, 'SELECT count() > 0 AS n FROM order_events', 1, 30_000);
  await expect.poll(isCovered, { timeout: 20_000 }).toBe(true);
  upstream.quieten();

  for (const name of NODE_NAMES) simulator.control[name].node.holes = 0.3;
  const { queues } = new RedisWorld(environment);
  const from = { position: firstBlock, id: '' };
  await addRange(queues, { source: 'polygon', from, to, bulk: false }, 'gap', PRIORITY.gap);
  const landed = `SELECT count() AS n FROM coverage WHERE source = 'polygon' AND from_position = ${firstBlock}`;
  await untilCount(database, landed, 1, 20_000);
  for (const name of NODE_NAMES) simulator.control[name].heal();

  const expected = expectedOf(upstream, firstBlock);
  await untilChain(database, expected, 60_000);
  await expectChain(database, world, expected);
}, 120_000);
