import { BLOCK_SECONDS } from './chain.ts';
import { COLUMNS, compileFilter, type Where } from './orderFilter.ts';
import { compareIds, type Block, type Upstream, type UpstreamEvent } from './upstream.ts';

export const DEPLOYMENT = 'QmSimu1atedOrderbookSubgraph1111111111111111111';
const MAX_FIRST = 1000;
const MAX_SKIP = 5000;
/** A query that would look at more events than this times out, as an unfiltered one does upstream. */
const MAX_SCANNED = 1_000_000;

/** The `block` argument: at most one of its fields. */
export interface BlockArgument {
  readonly number?: number | null;
  readonly number_gte?: number | null;
  readonly hash?: string | null;
}

export interface OrderQuery {
  readonly first?: number | null;
  readonly skip?: number | null;
  readonly orderBy?: string | null;
  readonly orderDirection?: 'asc' | 'desc' | null;
  readonly where?: Where | null;
  readonly block?: BlockArgument | null;
}

/**
 * Answers `orderFilledEvents` by graph-node's rules. The subgraph knows the V1 exchanges only.
 * @throws Error with graph-node's text for what it refuses.
 */
export function queryOrders(upstream: Upstream, query: OrderQuery): UpstreamEvent[] {
  const first = range('first', query.first ?? 100, MAX_FIRST);
  const skip = range('skip', query.skip ?? 0, MAX_SKIP);
  const head = resolveBlock(upstream, query.block);
  const filter = compileFilter(query.where ?? {});
  const descending = query.orderDirection === 'desc';
  const orderBy = query.orderBy ?? 'id';
  const wanted = skip + first;
  const found: UpstreamEvent[] = [];
  const to = Math.min(filter.to, head.timestamp + BLOCK_SECONDS - 1);
  const span = { from: filter.from, to, descending, onlyV1: true };
  let scanned = 0;
  for (const event of upstream.events(span)) {
    if (++scanned > MAX_SCANNED) {
      throw new Error('Store error: database error: canceling statement due to statement timeout');
    }
    if (!filter.matches(event)) continue;
    found.push(event);
    if (orderBy === 'timestamp' && found.length >= wanted) break;
  }
  if (orderBy !== 'timestamp') found.sort(comparison(orderBy, descending));
  return found.slice(skip, wanted);
}

/** The block a query is answered at: the head unless it pins another. */
export function resolveBlock(upstream: Upstream, block: BlockArgument | null | undefined): Block {
  const head = upstream.head();
  const hash = block?.hash ?? undefined;
  if (hash !== undefined) {
    for (let number = head.number; number > head.number - 1000; number--) {
      const candidate = upstream.block(number);
      if (candidate.hash === hash) return candidate;
    }
    throw new Error('Failed to decode `block.hash` value: `no block with that hash found`');
  }
  const pinned = block?.number ?? undefined;
  const number = pinned ?? block?.number_gte ?? undefined;
  if (number === undefined) return head;
  if (number > head.number) {
    const name = pinned === undefined ? 'block.number_gte' : 'block.number';
    throw new Error(
      `Failed to decode \`${name}\` value: \`subgraph ${DEPLOYMENT} has only indexed up to block number ${head.number} and data for block number ${number} is therefore not yet available\``,
    );
  }
  return pinned === undefined || pinned === head.number ? head : upstream.block(number);
}

function range(name: string, value: number, max: number): number {
  if (value < 0 || value > max) {
    throw new Error(`The \`${name}\` argument must be between 0 and ${max}, but is ${value}`);
  }
  return value;
}

/** Ties break by id in the same direction. */
function comparison(column: string, descending: boolean): (a: UpstreamEvent, b: UpstreamEvent) => number {
  const sign = descending ? -1 : 1;
  const number = COLUMNS[column] === 'BigInt';
  const key = (event: UpstreamEvent): string => (column === 'id' ? event.id : String(event.row[column]));
  return (a, b) => {
    const x = key(a);
    const y = key(b);
    // Integers without leading zeros: the longer one is the larger.
    const order = (number ? x.length - y.length : 0) || compareIds(x, y) || compareIds(a.id, b.id);
    return sign * order;
  };
}
