import { MarketCatalogue } from './catalogue.ts';
import { BLOCK_SECONDS, blockNumberAt, blockSecond } from './chain.ts';
import type { FillOptions } from './fills.ts';
import { MadeBlocks } from './madeBlocks.ts';
import { EPOCH, type MarketOptions } from './markets.ts';
import { OpenMarkets } from './openMarkets.ts';
import { isV1 } from './contracts.ts';
import type { ReorgOptions } from './reorgs.ts';
import type { Block, ChainLog, EventRange, MarketEntry, Upstream, UpstreamEvent } from './upstream.ts';

export interface ExchangeOptions extends FillOptions, MarketOptions, ReorgOptions {
  /** First second with events; later starts hide what was before, they do not change what follows. */
  readonly start: number;
  /** How far the subgraph's head is behind the clock. */
  readonly indexingDelayMs: number;
  /** The clock, in milliseconds. */
  readonly now: () => number;
}

/** What {@link SimulatedExchange} does where nothing else is asked for; the clock and the start have no default. */
export const EXCHANGE_DEFAULTS = {
  seed: 1,
  eventsPerSecond: 25,
  burstProbability: 0.0005,
  burstEvents: 1_500,
  dustShare: 0.002,
  unknownTokenShare: 0.005,
  operatorShare: 0.002,
  malformedShare: 0,
  wallets: 20_000,
  lateListingShare: 0.02,
  listingDelaySeconds: 20,
  indexingDelayMs: 3_000,
  blockDelayMs: 300,
  finalityBlocks: 3,
  reorgEverySeconds: 0,
  v3Share: 0.15,
  v1Share: 0,
} as const;

/**
 * A made exchange on a made chain. What a block holds and the markets of a slot are functions of the options and the
 * clock alone (but for reorganisations made by hand), so any range can be generated at any time, and another process
 * generates the same. Subgraph, nodes and HyperSync read the one chain: what a reorganisation changes, it changes in all.
 */
export class SimulatedExchange implements Upstream {
  readonly options: ExchangeOptions;
  readonly finalityBlocks: number;
  readonly #blocks: MadeBlocks;
  readonly #catalogue: MarketCatalogue;

  constructor(options: Partial<ExchangeOptions> & Pick<ExchangeOptions, 'start'>) {
    this.options = { ...EXCHANGE_DEFAULTS, now: Date.now, ...options };
    this.finalityBlocks = this.options.finalityBlocks;
    const markets = new OpenMarkets(this.options);
    this.#blocks = new MadeBlocks(this.options, markets);
    this.#catalogue = new MarketCatalogue(markets, this.options);
  }

  head(): Block {
    const second = Math.floor((this.options.now() - this.options.indexingDelayMs) / 1000);
    return this.block(blockNumberAt(second));
  }

  chainHead(): Block {
    return this.block(this.#blocks.reorgs.headAt(this.options.now()));
  }

  block(number: number): Block {
    return this.#blocks.block(number);
  }

  *events(range: EventRange): Generator<UpstreamEvent> {
    const from = Math.max(range.from, this.options.start, EPOCH);
    const to = Math.min(range.to, this.head().timestamp, range.onlyV1 === true ? this.#endOfV1 : Infinity);
    const first = Math.ceil(from / BLOCK_SECONDS) * BLOCK_SECONDS;
    const last = Math.floor(to / BLOCK_SECONDS) * BLOCK_SECONDS;
    const at = (second: number): readonly UpstreamEvent[] => {
      const events = this.#blocks.events(blockNumberAt(second));
      return range.onlyV1 === true ? events.filter(isV1) : events;
    };
    if (range.descending === true) {
      for (let second = last; second >= first; second -= BLOCK_SECONDS) yield* at(second).toReversed();
    } else {
      for (let second = first; second <= last; second += BLOCK_SECONDS) yield* at(second);
    }
  }

  logs(block: number): readonly ChainLog[] {
    const { start, now } = this.options;
    const isServed = blockSecond(block) >= start && block <= this.#blocks.reorgs.headAt(now());
    return isServed ? this.#blocks.logs(block) : [];
  }

  start(): { readonly second: number; readonly block: number } {
    const { start } = this.options;
    return { second: start, block: blockNumberAt(start) };
  }

  reorg(depth: number): void {
    this.#blocks.reorgs.add(depth);
  }

  /** No trade on V1 is later: a reorganisation may move one past the cutover. */
  get #endOfV1(): number {
    const { cutover, v1Share } = this.options;
    return cutover === undefined || v1Share > 0 ? Infinity : cutover + this.finalityBlocks * BLOCK_SECONDS;
  }

  markets(): readonly MarketEntry[] {
    return this.#catalogue.listed(Math.floor(this.options.now() / 1000));
  }
}
