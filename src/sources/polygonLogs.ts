import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../domain/fields.ts';
import { ORDER_FILLED_V1, ORDER_FILLED_V2 } from '../domain/parseLog.ts';
import { badBody, type Upstream } from './http.ts';
import { blockHash, quantity } from './polygonBlocks.ts';

/** A log as it came, with what of it says where it stands. */
export interface PlacedLog {
  readonly log: Record<string, unknown>;
  readonly block: number;
  /** Undefined where it cannot be read: such a log is malformed, and kept all the same. */
  readonly index: number | undefined;
  /** The block's hash, lower-case; undefined where it cannot be read. */
  readonly hash: string | undefined;
}

/** The first topic of the logs that are order events. */
export const ORDER_FILLED_TOPICS: readonly string[] = [ORDER_FILLED_V1, ORDER_FILLED_V2];

export interface AskedLogs {
  /** Lower-case. */
  readonly exchanges: ReadonlySet<string>;
  readonly from: number;
  readonly to: number;
}

/**
 * The logs of an answer by (block, index), none twice. A log that is malformed but stands where it was asked for is kept: it
 * is dealt with on its own.
 *
 * @throws UpstreamError UPSTREAM_BAD_BODY where they are no answer to what was asked
 */
export function placeLogs(api: Upstream, result: unknown, asked: AskedLogs): PlacedLog[] {
  if (!Array.isArray(result)) throw badBody(api, 'answered without a list of logs');
  const placed = new Map<string, PlacedLog>();
  for (const log of result as unknown[]) {
    const one = placeLog(api, log, asked);
    const place = placeOf(one);
    const other = placed.get(place);
    if (other !== undefined && !isDeepStrictEqual(other.log, one.log)) {
      throw badBody(api, `answered with two different logs ${one.index} of block ${one.block}`);
    }
    placed.set(place, one);
  }
  return [...placed.values()].sort(byPlace);
}

/** The hash of each block that has logs. @throws UpstreamError UPSTREAM_BAD_BODY where a block has two */
export function hashesOf(api: Upstream, logs: readonly PlacedLog[]): Map<number, string> {
  const hashes = new Map<number, string>();
  for (const { block, hash } of logs) {
    if (hash === undefined) continue;
    if ((hashes.get(block) ?? hash) !== hash) {
      throw badBody(api, `answered with logs of two different blocks ${block}`);
    }
    hashes.set(block, hash);
  }
  return hashes;
}

function placeLog(api: Upstream, log: unknown, { exchanges, from, to }: AskedLogs): PlacedLog {
  if (!isRecord(log)) throw badBody(api, 'answered with a log that is none');
  const block = quantity(log['blockNumber']);
  if (block === undefined) throw badBody(api, 'answered with a log without block number');
  if (block < from || block >= to) {
    throw badBody(
      api,
      `answered with a log of block ${block} to a question about blocks ${from} to ${to - 1}`,
    );
  }
  if (log['removed'] === true) throw badBody(api, `answered with a removed log of block ${block}`);
  const { address, topics } = log;
  if (typeof address !== 'string' || !exchanges.has(address.toLowerCase())) {
    throw badBody(api, `answered with a log of block ${block} that is of no exchange asked for`);
  }
  const topic: unknown = Array.isArray(topics) ? topics[0] : undefined;
  if (typeof topic !== 'string' || !ORDER_FILLED_TOPICS.includes(topic.toLowerCase())) {
    throw badBody(api, `answered with a log of block ${block} that is no order event`);
  }
  return { log, block, index: quantity(log['logIndex']), hash: blockHash(log['blockHash']) };
}

/** A key of where a log stands: two logs cannot stand at one place. */
export function placeOf({ log, block, index }: PlacedLog): string {
  return `${block} ${index ?? JSON.stringify(log)}`;
}

export function byPlace(a: PlacedLog, b: PlacedLog): number {
  return a.block - b.block || (a.index ?? Infinity) - (b.index ?? Infinity) || 0;
}
