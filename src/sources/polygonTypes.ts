/** A block, as far as the reading of logs is concerned. */
export interface BlockRef {
  readonly number: number;
  /** Lower-case. */
  readonly hash: string;
  /** Lower-case; '' for a block that is known from its logs only. */
  readonly parentHash: string;
  /** Unix seconds. */
  readonly timestamp: number;
}

/** The ends of the chain as one node sees them. */
export interface Heads {
  readonly latest: BlockRef;
  /** Never beyond `latest`. */
  readonly finalized: Pick<BlockRef, 'number'>;
  /** The block asked for by `also`; undefined where the node has none of that number. */
  readonly also: BlockRef | undefined;
}

/** Blocks whose hashes an answer gives at most, all of them (`canonical`). */
export const MOST_CANONICAL_BLOCKS = 64;

/** All order events' logs of the exchanges in the blocks [from, to). */
export interface LogsPage {
  readonly from: number;
  readonly to: number;
  /** As the node gave them, with `blockTimestamp` added where it left it out; in order of (block, log index), none twice. */
  readonly logs: readonly Record<string, unknown>[];
  /** In order. With `canonical` every block of the range; else the last one at least (HyperSync: only those with logs). */
  readonly blocks: readonly BlockRef[];
  /** Endpoints whose answers agreed, or were put together: 1 or 2. */
  readonly witnesses: number;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** Awaited before each HTTP request: the rate limit. */
  readonly turn?: () => Promise<void>;
}

export interface LogsOptions extends RequestOptions {
  /** Block. */
  readonly from: number;
  /** Block, exclusive: a page may end earlier. */
  readonly to: number;
  /** Also every block's hash: a page is 64 blocks then at most. */
  readonly canonical?: boolean;
  /** Ask a second endpoint as well, where there is one. */
  readonly confirm?: boolean;
  /** Begin with another endpoint than usual: 0, 1, ... */
  readonly rotate?: number;
}
