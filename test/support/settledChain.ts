import { expect } from 'vitest';
import type { Database } from '../../src/store/clickhouse.ts';
import { coveredEnd } from '../../src/store/coverage.ts';
import { expectChain, untilChain, type ChainWorld } from './chain.ts';
import { expectedOf } from './chainRows.ts';
import { untilCount } from './pipeline.ts';

const WAIT = { timeout: 60_000, interval: 200 };

/** Trading ends: what is stored becomes exactly what the chain has, and all of its final blocks are covered. */
export async function expectSettled(world: ChainWorld): Promise<void> {
  const { database, upstream, firstBlock } = world;
  upstream.quieten();
  const expected = expectedOf(upstream, firstBlock);
  await untilChain(database, expected, 60_000);
  const wanted = [...new Set(expected.blockHashes.values())].toSorted();
  await expect.poll(() => blockHashes(database), WAIT).toEqual(wanted);
  await expectChain(database, world, expected);
  await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 20_000);
  const end = upstream.chainHead().number - upstream.finalityBlocks;
  await expect.poll(async () => (await coveredEnd(database, 'polygon'))?.position, WAIT).toBeGreaterThan(end);
}

async function blockHashes(database: Database): Promise<string[]> {
  const rows = await database.rows<{ hash: string }>('SELECT DISTINCT block_hash AS hash FROM order_events');
  return rows.map(({ hash }) => hash).toSorted();
}
