import { LRUCache } from 'lru-cache';
import { MarketCatalogue } from './catalogue.ts';
import { BLOCK_SECONDS, blockNumberAt, blockOf } from './chain.ts';
import { FillGenerator, type FillOptions } from './fills.ts';
import { EPOCH, type MarketOptions } from './markets.ts';
import { OpenMarkets } from './openMarkets.ts';
import type { Block, EventRange, MarketEntry, Upstream, UpstreamEvent } from './upstream.ts';

/** Generated blocks are kept up to this many events. */
const CACHED_EVENTS = 20_000;

export interface ExchangeOptions extends FillOptions, MarketOptions {
  /** First second with events; later starts hide what was before, they do not change what follows. */
  readonly start: number;
  /** How far the served head is behind the clock. */
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
} as const;

/**
 * A made exchange. The events of a second and the markets of a slot are functions of the options alone, so any
 * range can be generated at any time, and another process generates the same.
 */
export class SimulatedExchange implements Upstream {
  readonly options: ExchangeOptions;
  readonly #fills: FillGenerator;
  readonly #catalogue: MarketCatalogue;
  readonly #blocks = new LRUCache<number, readonly UpstreamEvent[]>({
    maxSize: CACHED_EVENTS,
    sizeCalculation: (events) => events.length + 1,
  });

  constructor(options: Partial<ExchangeOptions> & Pick<ExchangeOptions, 'start'>) {
    this.options = { ...EXCHANGE_DEFAULTS, now: Date.now, ...options };
    const markets = new OpenMarkets(this.options);
    this.#fills = new FillGenerator(this.options, markets);
    this.#catalogue = new MarketCatalogue(markets, this.options);
  }

  head(): Block {
    const second = Math.floor((this.options.now() - this.options.indexingDelayMs) / 1000);
    return this.block(blockNumberAt(second));
  }

  block(number: number): Block {
    return blockOf(this.options.seed, number);
  }

  *events(range: EventRange): Generator<UpstreamEvent> {
    const from = Math.max(range.from, this.options.start, EPOCH);
    const to = Math.min(range.to, this.head().timestamp);
    const first = Math.ceil(from / BLOCK_SECONDS) * BLOCK_SECONDS;
    const last = Math.floor(to / BLOCK_SECONDS) * BLOCK_SECONDS;
    if (range.descending === true) {
      for (let second = last; second >= first; second -= BLOCK_SECONDS) yield* this.#at(second).toReversed();
    } else {
      for (let second = first; second <= last; second += BLOCK_SECONDS) yield* this.#at(second);
    }
  }

  markets(): readonly MarketEntry[] {
    return this.#catalogue.listed(Math.floor(this.options.now() / 1000));
  }

  #at(second: number): readonly UpstreamEvent[] {
    const known = this.#blocks.get(second);
    if (known !== undefined) return known;
    const events = this.#fills.block(second, blockNumberAt(second));
    this.#blocks.set(second, events);
    return events;
  }
}
