import type { BlockRef } from './polygonTypes.ts';

/** Polygon's usual pace. Where it was slower, or faster, the blocks already seen tell. */
const SECONDS_A_BLOCK = 2;
/** Every so many steps the gap is halved, so that it is found whatever the pace. */
const HALVE_EVERY = 4;

/**
 * The newest block at or before a unix second, by a few questions: each from the nearest block known, at the pace between
 * the last two. Block 0 where the second is before it.
 */
export async function findBlockAt(
  timestamp: number,
  latest: BlockRef,
  ask: (number: number) => Promise<BlockRef>,
): Promise<BlockRef> {
  if (latest.timestamp <= timestamp || latest.number === 0) return latest;
  let after = latest;
  let before: BlockRef | undefined;
  let near = latest;
  let pace = SECONDS_A_BLOCK;
  for (let step = 1; after.number - (before?.number ?? -1) > 1; step++) {
    const lowest = (before?.number ?? -1) + 1;
    const guess =
      step % HALVE_EVERY === 0
        ? Math.floor((lowest + after.number) / 2)
        : near.number + Math.floor((timestamp - near.timestamp) / pace);
    const block = await ask(Math.min(Math.max(guess, lowest), after.number - 1));
    const measured = (block.timestamp - near.timestamp) / (block.number - near.number);
    if (measured > 0 && Number.isFinite(measured)) pace = measured;
    near = block;
    if (block.timestamp <= timestamp) before = block;
    else after = block;
  }
  return before ?? after;
}
