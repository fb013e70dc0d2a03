import { z } from 'zod';
import { anyOf, logTest } from './logFilter.ts';
import { mix } from './random.ts';
import { blockNumberOf, numberOfHash } from './rpcBlocks.ts';
import { invalidParams, RpcError, tooManyBlocks, tooManyLogs } from './rpcErrors.ts';
import type { NodeSettings } from './rpcNode.ts';
import type { RpcLog, Upstream } from './upstream.ts';

/** Beyond this a node answers after its time is up, whatever its limits. */
const MAX_SCANNED_BLOCKS = 50_000;
const HEX_20 = z.string().regex(/^0x[0-9a-f]{40}$/i);
const HEX_32 = z.string().regex(/^0x[0-9a-f]{64}$/i);

const FILTER = z.object({
  address: z.union([HEX_20, z.array(HEX_20)]).nullish(),
  topics: z
    .array(z.union([HEX_32, z.array(HEX_32.nullable())]).nullable())
    .max(4)
    .nullish(),
  fromBlock: z.string().nullish(),
  toBlock: z.string().nullish(),
  blockHash: HEX_32.nullish(),
});

/**
 * Answers eth_getLogs as a provider's node does. Blocks beyond its head are silently not there.
 * @throws RpcError for a filter that is none, a range that is turned around, and more than the node's limits allow
 */
export function logsOf(parameter: unknown, upstream: Upstream, node: NodeSettings): RpcLog[] {
  const parsed = FILTER.safeParse(parameter);
  if (!parsed.success) throw invalidParams('invalid argument 0: not a log filter');
  const filter = parsed.data;
  const [from, to] = rangeOf(filter, upstream, node);
  if (node.maxBlocks > 0 && to - from + 1 > node.maxBlocks)
    throw tooManyBlocks(node.style, [from, to], node.maxBlocks);
  const last = Math.min(to, upstream.chainHead().number);
  if (last - from >= MAX_SCANNED_BLOCKS) throw new RpcError(-32000, 'query timeout exceeded');
  const matches = logTest(
    anyOf(filter.address),
    (filter.topics ?? []).map((topic) =>
      Array.isArray(topic) && topic.includes(null) ? undefined : anyOf(topic as string[] | string | null),
    ),
  );
  const found: RpcLog[] = [];
  for (let block = from; block <= last; block++) {
    if (node.missingBlocks.includes(block)) continue;
    for (const { log } of upstream.logs(block)) {
      if (matches(log) && !isHole(log, node)) found.push(node.logTimestamps ? log : withoutTimestamp(log));
    }
    if (node.maxLogs > 0 && found.length > node.maxLogs && last > from)
      throw tooManyLogs(node.style, node.maxLogs, [from, Math.max(from, block - 1)]);
  }
  return found;
}

function rangeOf(
  { blockHash, fromBlock, toBlock }: z.output<typeof FILTER>,
  upstream: Upstream,
  node: NodeSettings,
): readonly [from: number, to: number] {
  if (typeof blockHash === 'string') {
    const number = numberOfHash(blockHash.toLowerCase(), upstream, node);
    if (number === undefined) throw new RpcError(-32000, 'unknown block');
    return [number, number];
  }
  const from = blockNumberOf(fromBlock, upstream, node);
  const to = blockNumberOf(toBlock, upstream, node);
  if (from > to) throw invalidParams('invalid block range params');
  return [from, to];
}

function isHole(log: RpcLog, { holes }: NodeSettings): boolean {
  if (holes === 0) return false;
  const hash = Number.parseInt(String(log['transactionHash']).slice(2, 10), 16);
  return mix(hash, Number(log.logIndex), 59) / 2 ** 32 < holes;
}

function withoutTimestamp(log: RpcLog): RpcLog {
  return { ...log, blockTimestamp: undefined };
}
