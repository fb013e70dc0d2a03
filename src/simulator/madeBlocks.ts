import { LRUCache } from 'lru-cache';
import { blockOf, blockSecond } from './chain.ts';
import { FillGenerator, type FillOptions } from './fills.ts';
import { Forks } from './forks.ts';
import { encodeLog } from './logs.ts';
import { breakLog, breakRow } from './malformed.ts';
import type { OpenMarkets } from './openMarkets.ts';
import { mix, Random, unit } from './random.ts';
import { Reorgs, type ReorgOptions } from './reorgs.ts';
import {
  compareIds,
  toRow,
  type Block,
  type ChainLog,
  type Fill,
  type FillTerms,
  type UpstreamEvent,
} from './upstream.ts';

/** Generated blocks are kept up to this many events, and as many logs. */
const CACHED = 20_000;
/** A block's first log of an exchange comes after fewer than this many of other contracts. */
const OTHER_LOGS = 200;

/** The blocks of a made chain: their fills as the subgraph's events and as the exchanges' logs. */
export class MadeBlocks {
  readonly reorgs: Reorgs;
  readonly #options: FillOptions & ReorgOptions;
  readonly #forks: Forks;
  /** By number and fork: another fork, other content. */
  readonly #events = cacheOf<UpstreamEvent>();
  readonly #logs = cacheOf<ChainLog>();

  constructor(options: FillOptions & ReorgOptions, markets: OpenMarkets) {
    this.#options = options;
    this.reorgs = new Reorgs(options);
    this.#forks = new Forks(options.seed, new FillGenerator(options, markets), this.reorgs);
  }

  block(number: number): Block {
    return blockOf(this.#options.seed, number, blockSecond(number), (at) => this.reorgs.forkOf(at));
  }

  /** By id. */
  events(number: number): readonly UpstreamEvent[] {
    return this.#remembered(this.#events, number, () =>
      this.#fills(number)
        .map((fill) => this.#event(fill))
        .sort((a, b) => compareIds(a.id, b.id)),
    );
  }

  /** By log index. */
  logs(number: number): readonly ChainLog[] {
    return this.#remembered(this.#logs, number, () => {
      const block = this.block(number);
      return this.#fills(number).map((fill) => this.#log(fill, block));
    });
  }

  #remembered<T extends object>(cache: Cache<T>, number: number, make: () => readonly T[]): readonly T[] {
    const key = `${number} ${this.reorgs.forkOf(number)}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const made = make();
    cache.set(key, made);
    return made;
  }

  #fills(number: number): Fill[] {
    const timestamp = blockSecond(number);
    const fills: Fill[] = [];
    let logIndex = mix(this.#options.seed, number, 5) % OTHER_LOGS;
    for (const [transactionIndex, transaction] of this.#forks.transactions(number).entries()) {
      for (const terms of transaction) {
        // Transfers and other events lie between.
        logIndex += 2 + (bits(terms.orderHash) % 5);
        fills.push(placed(terms, timestamp, number, transactionIndex, logIndex));
      }
    }
    return fills;
  }

  #event(fill: Fill): UpstreamEvent {
    const row = toRow(fill);
    const event = { timestamp: fill.timestamp, id: row['id'] as string, row, fill };
    const random = this.#malformed(fill);
    return random === undefined ? event : { ...event, ...breakRow(random, row) };
  }

  #log(fill: Fill, block: Block): ChainLog {
    const log = encodeLog(toRow(fill), fill, block);
    const random = this.#malformed(fill);
    return random === undefined ? { log, fill } : { fill, ...breakLog(random, log) };
  }

  /** What to break a fill's row and log with, if they are served broken: the same fill always is. */
  #malformed(fill: Fill): Random | undefined {
    const share = this.#options.malformedShare;
    if (share === 0) return undefined;
    const key = mix(bits(fill.transactionHash), bits(fill.orderHash), 41);
    return unit(key, 43) < share ? new Random(key, 47) : undefined;
  }
}

/** Field by field: twice as fast as a spread, and most of what it costs to make a block. */
function placed(
  terms: FillTerms,
  timestamp: number,
  blockNumber: number,
  transactionIndex: number,
  logIndex: number,
): Fill {
  return {
    timestamp,
    blockNumber,
    transactionIndex,
    logIndex,
    exchange: terms.exchange,
    transactionHash: terms.transactionHash,
    orderHash: terms.orderHash,
    maker: terms.maker,
    taker: terms.taker,
    side: terms.side,
    tokenId: terms.tokenId,
    usd: terms.usd,
    tokens: terms.tokens,
    fee: terms.fee,
    builder: terms.builder,
    metadata: terms.metadata,
  };
}

type Cache<T extends object> = LRUCache<string, readonly T[]>;

function cacheOf<T extends object>(): Cache<T> {
  return new LRUCache({ maxSize: CACHED, sizeCalculation: (items: readonly T[]) => items.length + 1 });
}

function bits(hash: string): number {
  return Number.parseInt(hash.slice(2, 10), 16);
}
