import { BLOCK_SECONDS, blockNumberAt } from './chain.ts';
import type { Block, EventRange, Upstream } from './upstream.ts';

/** The same upstream as servers see it that lack some of it. */

/** A server that has lost everything but its head. */
export function emptied(upstream: Upstream): Upstream {
  return { ...viewOf(upstream), events: () => [], logs: () => [], markets: () => [] };
}

/** A server that has indexed only up to that many seconds before the head. */
export function behind(upstream: Upstream, seconds: number): Upstream {
  const head = () => {
    const timestamp = upstream.head().timestamp - seconds;
    return { ...upstream.block(blockNumberAt(timestamp)), timestamp };
  };
  const events = (range: EventRange) =>
    upstream.events({ ...range, to: Math.min(range.to, head().timestamp + BLOCK_SECONDS - 1) });
  return { ...lagging(upstream, Math.ceil(seconds / BLOCK_SECONDS)), head, events };
}

/** A node whose newest block is that many blocks behind the others'. */
export function lagging(upstream: Upstream, blocks: number): Upstream {
  const chainHead = (): Block => upstream.block(upstream.chainHead().number - blocks);
  return {
    ...viewOf(upstream),
    chainHead,
    logs: (block) => (block > chainHead().number ? [] : upstream.logs(block)),
  };
}

function viewOf(upstream: Upstream): Upstream {
  return {
    head: () => upstream.head(),
    block: (number) => upstream.block(number),
    events: (range) => upstream.events(range),
    chainHead: () => upstream.chainHead(),
    finalityBlocks: upstream.finalityBlocks,
    logs: (block) => upstream.logs(block),
    start: () => upstream.start(),
    reorg: (depth) => upstream.reorg(depth),
    markets: () => upstream.markets(),
  };
}
