import type { OrderSource } from '../src/base/config.ts';
import { BLOCK_S, POSITIONS } from '../src/base/settings.ts';
import { REORG_WINDOW_S } from '../src/sources/goldsky.ts';
import type { Database } from '../src/store/clickhouse.ts';
import { coveredEnd } from '../src/store/coverage.ts';
import { randomCoveredRanges, type Sample } from '../src/store/coverageSample.ts';

/** Seconds before the end of a source's coverage that a recount leaves out: they may still change. */
export const RECOUNT_MARGIN_S = REORG_WINDOW_S;

/**
 * Random ranges of what is covered of a source, and older than what may still change.
 * @param seconds length of each, about
 */
export async function recountableRanges(
  database: Database,
  source: OrderSource,
  { count, seconds }: { readonly count: number; readonly seconds: number },
): Promise<Sample[]> {
  const end = await coveredEnd(database, source);
  if (end === undefined) return [];
  const positions = POSITIONS[source];
  const unit = positions === 'blocks' ? BLOCK_S : 1;
  return await randomCoveredRanges(database, source, {
    count,
    positions,
    length: Math.ceil(seconds / unit),
    endsBefore: end.position - Math.ceil(RECOUNT_MARGIN_S / unit),
  });
}
