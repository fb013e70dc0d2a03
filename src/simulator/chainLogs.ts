import type { ChainLog, Upstream } from './upstream.ts';

/**
 * The exchanges' logs of the blocks from `from` to before `to`, in the order of the chain, as a node serves them that
 * lacks nothing, with the fills they are made of: what has to be stored of blocks that are final.
 */
export function chainLogs(upstream: Upstream, from: number, to: number): ChainLog[] {
  const end = Math.min(to, upstream.chainHead().number + 1);
  const logs: ChainLog[] = [];
  for (let block = from; block < end; block++) logs.push(...upstream.logs(block));
  return logs;
}
