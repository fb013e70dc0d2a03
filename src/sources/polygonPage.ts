import type { LRUCache } from 'lru-cache';
import { upstreamError, type Upstream } from './http.ts';
import { quantity, toQuantity } from './polygonBlocks.ts';
import { hashesOf, type PlacedLog } from './polygonLogs.ts';
import type { BlockRef, LogsPage } from './polygonTypes.ts';
import type { UpstreamError } from './upstreamError.ts';

export interface PageParts {
  readonly api: Upstream;
  readonly from: number;
  readonly to: number;
  /** In order. */
  readonly logs: readonly PlacedLog[];
  /** Block to - 1. */
  readonly last: BlockRef;
  /** Also the blocks without logs. */
  readonly canonical: boolean;
  /** Unix seconds by block hash. */
  readonly times: LRUCache<string, number>;
  /** The blocks of these numbers, in one go where possible. */
  readonly headers: (numbers: readonly number[]) => Promise<BlockRef[]>;
}

/**
 * Adds what the logs do not say: the time of their blocks where the node left it out, and the blocks without logs.
 * @throws UpstreamError UPSTREAM_LAGGING where the parts belong to different chains
 */
export async function completePage(parts: PageParts): Promise<LogsPage> {
  const { api, from, to, logs, last, times } = parts;
  const hashes = hashesOf(api, logs);
  const seconds = knownTimes(parts);
  const headers = new Map([[last.number, last]]);
  const missing = missingBlocks(parts, hashes, seconds);
  for (const header of await parts.headers(missing)) headers.set(header.number, header);
  for (const { number, hash, timestamp } of headers.values()) {
    if ((hashes.get(number) ?? hash) !== hash) throw reorgUnderWay(api, number);
    hashes.set(number, hash);
    times.set(hash, timestamp);
    seconds.set(number, timestamp);
  }
  refuseBrokenChain(api, hashes, headers);

  const timeAt = (block: number) => seconds.get(block) ?? last.timestamp;
  const blocks = [...hashes]
    .sort(([a], [b]) => a - b)
    .map(
      ([number, hash]) => headers.get(number) ?? { number, hash, parentHash: '', timestamp: timeAt(number) },
    );
  const timed = logs.map(({ log, block }) =>
    isTimeless(log) ? { ...log, blockTimestamp: toQuantity(timeAt(block)) } : log,
  );
  return { from, to, logs: timed, blocks, witnesses: 1 };
}

/** The chain moved between two answers, or between two nodes: the next time they agree. */
export function reorgUnderWay(api: Upstream, block: number): UpstreamError {
  const what = `contradicts itself about block ${block}: a reorg may be under way`;
  return upstreamError(api, 'UPSTREAM_LAGGING', what, { retry: 'wait' });
}

/** No smaller range is left to ask for. */
export function tooExpensive(api: Upstream, cause: UpstreamError, block: number): UpstreamError {
  const what = `does not give the logs of the single block ${block}`;
  return upstreamError(api, 'UPSTREAM_TOO_EXPENSIVE', what, { retry: 'attempt', cause });
}

/** Seconds; undefined where the node left them out, or what it said cannot be read. */
function timeOf(log: Record<string, unknown>): number | undefined {
  return quantity(log['blockTimestamp']) || undefined;
}

/** Where the node left the time out, or 0 for it. A time that cannot be read stays: the log is malformed. */
function isTimeless({ blockTimestamp }: Record<string, unknown>): boolean {
  return (blockTimestamp ?? null) === null || quantity(blockTimestamp) === 0;
}

/** Unix seconds of the blocks whose logs all say them, or that were looked up before. */
function knownTimes({ logs, times }: PageParts): Map<number, number> {
  const known = new Map<number, number>();
  const unknown = new Set<number>();
  for (const { log, block, hash } of logs) {
    const time = timeOf(log) ?? (hash === undefined ? undefined : times.get(hash));
    if (time === undefined) unknown.add(block);
    else known.set(block, time);
  }
  for (const block of unknown) known.delete(block);
  return known;
}

function missingBlocks(
  { from, to, logs, last, canonical }: PageParts,
  hashes: ReadonlyMap<number, string>,
  seconds: ReadonlyMap<number, number>,
): number[] {
  const missing = new Set<number>();
  for (const { block } of logs) if (!seconds.has(block)) missing.add(block);
  if (canonical) for (let block = from; block < to; block++) if (!hashes.has(block)) missing.add(block);
  missing.delete(last.number);
  return [...missing].sort((a, b) => a - b);
}

function refuseBrokenChain(api: Upstream, hashes: Map<number, string>, headers: Map<number, BlockRef>): void {
  for (const { number, parentHash } of headers.values()) {
    if (parentHash !== '' && (hashes.get(number - 1) ?? parentHash) !== parentHash)
      throw reorgUnderWay(api, number);
  }
}
