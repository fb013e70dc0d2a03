import { isRecord } from '../domain/fields.ts';
import { badBody, type Upstream } from './http.ts';
import { anyInteger, blockHash, toQuantity } from './polygonBlocks.ts';
import type { BlockRef } from './polygonTypes.ts';

/** A block as HyperSync gives it: numbers plain, times as hex quantity; either is read as either. @throws UpstreamError */
export function hypersyncBlock(api: Upstream, record: unknown): BlockRef {
  if (!isRecord(record)) throw badBody(api, 'answered with a block that is none');
  const number = anyInteger(record['number']);
  const timestamp = anyInteger(record['timestamp']);
  const hash = blockHash(record['hash']);
  if (number === undefined || timestamp === undefined || hash === undefined) {
    throw badBody(api, 'answered with a block without number, hash or time');
  }
  return { number, hash, parentHash: blockHash(record['parent_hash']) ?? '', timestamp };
}

/** A log as eth_getLogs would give it, so that the same rows come of it. @throws UpstreamError where its block is missing */
export function hypersyncLog(
  api: Upstream,
  record: Record<string, unknown>,
  blocks: ReadonlyMap<number, BlockRef>,
): Record<string, unknown> {
  const number = anyInteger(record['block_number']);
  const block = number === undefined ? undefined : blocks.get(number);
  if (block === undefined)
    throw badBody(api, `answered with a log of block ${number}, and without the block`);
  const topics = ['topic0', 'topic1', 'topic2', 'topic3'].map((name) => record[name] ?? undefined);
  return {
    address: record['address'],
    topics: topics.slice(0, topics.findLastIndex((topic) => topic !== undefined) + 1),
    data: record['data'],
    blockNumber: toQuantity(block.number),
    blockHash: record['block_hash'] ?? block.hash,
    blockTimestamp: toQuantity(block.timestamp),
    transactionHash: record['transaction_hash'],
    transactionIndex: asQuantity(record['transaction_index']),
    logIndex: asQuantity(record['log_index']),
    removed: record['removed'] ?? false,
  };
}

/** What cannot be read stays as it came: the log is malformed then. */
function asQuantity(value: unknown): unknown {
  const number = anyInteger(value);
  return number === undefined ? value : toQuantity(number);
}
