import { expect, test } from 'vitest';
import { coveredEnd } from '../../src/store/coverage.ts';
import { expectChain, makeChainWorld, untilChain } from '../support/chain.ts';
import { expectedOf } from '../support/chainRows.ts';
import { startWorkerProcess, untilCount } from '../support/pipeline.ts';

const HISTORY_S = 3_000;
const HISTORY_EVENTS = 180_000;
const REORG_EVERY_MS = 1_200;
const REORGS = 8;

test('200,000 events of V1, V2 and V3, nodes with limits, one that lags and one with holes, reorgs: the final chain, exactly', async () => {
  const { environment, database, simulator, upstream, firstBlock } = await makeChainWorld({
    historySeconds: HISTORY_S,
    exchange: {
      eventsPerSecond: 66,
      burstProbability: 0.002,
      malformedShare: 0.001,
      finalityBlocks: 4,
      seed: 4,
    },
    simulator: {
      nodes: {
        // The preferred one leaves out logs; the second is behind; the third refuses more than 2,000 results.
        polygon: { holes: 0.02, maxBlocks: 500, maxBatch: 3, style: 'quicknode' },
        polygon2: { behindBlocks: 3, maxLogs: 10_000, style: 'infura', logTimestamps: false },
        polygon3: { maxLogs: 2_000, style: 'alchemy' },
      },
    },
  });
  // A process of its own: what is expected takes seconds to work out.
  await startWorkerProcess(environment);
  await untilCount(database, `SELECT count() > ${HISTORY_EVENTS} AS n FROM order_events`, 1, 200_000);
  for (let reorg = 0; reorg < REORGS; reorg++) {
    upstream.reorg(1 + (reorg % 3));
    await new Promise((resolve) => setTimeout(resolve, REORG_EVERY_MS));
  }
  upstream.quieten();
  const expected = expectedOf(upstream, firstBlock);
  expect(expected.orderEvents.size).toBeGreaterThan(195_000);
  await untilChain(database, expected, 120_000);
  await expectChain(database, { upstream, firstBlock }, expected);

  expect(await database.rows('SELECT * FROM coverage_gaps')).toEqual([]);
  const final = upstream.chainHead().number - upstream.finalityBlocks;
  await expect
    .poll(async () => (await coveredEnd(database, 'polygon'))?.position, { timeout: 20_000 })
    .toBeGreaterThan(final);
  expect(simulator.control.polygon.counts.count).toBeGreaterThan(0);
}, 400_000);
