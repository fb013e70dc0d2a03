import { hex } from './logs.ts';
import { hash32 } from './random.ts';
import { invalidParams } from './rpcErrors.ts';
import type { NodeSettings } from './rpcNode.ts';
import type { Block, Upstream } from './upstream.ts';

const ZERO_HASH = `0x${'0'.repeat(64)}`;
const BLOOM = `0x${'0'.repeat(512)}`;
const EMPTY_UNCLES = '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347';
const GAS_LIMIT = 60_000_000;
/** So far back a block is found by its hash. */
const HASH_REACH = 2_000;

/**
 * The number a block parameter means: a tag, or a quantity in hex.
 * @throws RpcError for anything else, and for tags the node does not know
 */
export function blockNumberOf(parameter: unknown, upstream: Upstream, node: NodeSettings): number {
  const head = upstream.chainHead().number;
  switch (parameter) {
    case 'latest':
    case 'pending':
    case undefined:
    case null:
      return head;
    case 'earliest':
      return 0;
    case 'finalized':
    case 'safe':
      if (!node.finalizedTag) throw invalidParams(`invalid argument 0: unknown block tag ${parameter}`);
      return head - upstream.finalityBlocks;
    default:
      if (typeof parameter === 'string' && /^0x(0|[1-9a-f][0-9a-f]*)$/i.test(parameter))
        return Number(parameter);
      throw invalidParams('invalid argument 0: hex string without 0x prefix or with leading zeros');
  }
}

/** The header of a block as geth gives it, without transactions; null for one the node does not have. */
export function headerOf(number: number, upstream: Upstream, node: NodeSettings): object | null {
  if (number > upstream.chainHead().number || node.missingBlocks.includes(number)) return null;
  return header(upstream.block(number));
}

/** The number of the block with a hash; undefined for one the node does not have, or has no more. */
export function numberOfHash(hash: unknown, upstream: Upstream, node: NodeSettings): number | undefined {
  const head = upstream.chainHead().number;
  for (let number = head; number > head - HASH_REACH; number--) {
    if (upstream.block(number).hash === hash) return node.missingBlocks.includes(number) ? undefined : number;
  }
  return undefined;
}

function header({ number, hash, parentHash, timestamp }: Block): object {
  return {
    baseFeePerGas: hex(25_000_000_000),
    difficulty: '0x1',
    extraData: '0x',
    gasLimit: hex(GAS_LIMIT),
    gasUsed: hex(GAS_LIMIT / 2),
    hash,
    logsBloom: BLOOM,
    miner: `0x${'0'.repeat(40)}`,
    mixHash: ZERO_HASH,
    nonce: '0x0000000000000000',
    number: hex(number),
    parentHash,
    receiptsRoot: hash32(hash, 'receipts'),
    sha3Uncles: EMPTY_UNCLES,
    size: hex(60_000),
    stateRoot: hash32(hash, 'state'),
    timestamp: hex(timestamp),
    transactions: [],
    transactionsRoot: hash32(hash, 'transactions'),
    uncles: [],
  };
}
