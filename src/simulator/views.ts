import { BLOCK_SECONDS, blockNumberAt } from './chain.ts';
import type { EventRange, Upstream } from './upstream.ts';

/** The same upstream as servers see it that lack some of it. */

/** A server that has lost everything but its head. */
export function emptied(upstream: Upstream): Upstream {
  return {
    head: () => upstream.head(),
    block: (number) => upstream.block(number),
    events: () => [],
    markets: () => [],
  };
}

/** A server that has indexed only up to that many seconds before the head. */
export function behind(upstream: Upstream, seconds: number): Upstream {
  const head = () => {
    const timestamp = upstream.head().timestamp - seconds;
    return { ...upstream.block(blockNumberAt(timestamp)), timestamp };
  };
  const events = (range: EventRange) =>
    upstream.events({ ...range, to: Math.min(range.to, head().timestamp + BLOCK_SECONDS - 1) });
  return { head, events, block: (number) => upstream.block(number), markets: () => upstream.markets() };
}
