import type { Upstream } from './http.ts';
import { blockHash, quantity } from './polygonBlocks.ts';
import { byPlace, placeOf, type PlacedLog } from './polygonLogs.ts';
import { reorgUnderWay } from './polygonPage.ts';
import type { BlockRef, LogsPage } from './polygonTypes.ts';

/**
 * Two nodes' answers to the same question as one, as far as both go: what either lacks is put in.
 * @throws UpstreamError UPSTREAM_LAGGING, in the name of `api`, where they are of different chains
 */
export function mergedPages(api: Upstream, first: LogsPage, second: LogsPage): LogsPage {
  const to = Math.min(first.to, second.to);
  const blocks = new Map<number, BlockRef>();
  for (const block of [...first.blocks, ...second.blocks]) {
    const known = blocks.get(block.number);
    if (known !== undefined && known.hash !== block.hash) throw reorgUnderWay(api, block.number);
    // One with a parent hash says more.
    if (block.number < to && (known === undefined || known.parentHash === ''))
      blocks.set(block.number, block);
  }
  const logs = new Map<string, PlacedLog>();
  for (const log of [...first.logs, ...second.logs]) {
    const placed = {
      log,
      block: quantity(log['blockNumber']) ?? first.from,
      index: quantity(log['logIndex']),
      hash: blockHash(log['blockHash']),
    };
    const place = placeOf(placed);
    if (placed.block < to && !logs.has(place)) logs.set(place, placed);
  }
  return {
    from: first.from,
    to,
    logs: [...logs.values()].sort(byPlace).map(({ log }) => log),
    blocks: [...blocks.values()].sort((a, b) => a.number - b.number),
    witnesses: 2,
  };
}
