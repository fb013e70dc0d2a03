import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { entryOf } from '../../src/simulator/recordedMarkets.ts';
import type { ChainLog, MarketEntry } from '../../src/simulator/upstream.ts';
import { MadeChain } from '../support/chainRows.ts';
import { perhapsBroken } from './brokenLogs.ts';

/** Every market is listed this long after trading in it has begun, in milliseconds. */
const LISTED_MS = 3_600_000;
/** The market API serves it; nothing can be made of it. */
const BROKEN_MARKET = { id: '0', question: 'Will this market be whole?', closed: false };

/** A made chain with malformed logs, and markets that can be told to be listed. */
export class ChaosChain extends MadeChain {
  readonly #withTrouble: boolean;
  readonly #broken = new WeakMap<ChainLog, ChainLog>();
  readonly #served = new Set<string>();
  /** The same market API, an hour later. */
  readonly #later: SimulatedExchange;
  #isListed = false;

  constructor(options: ConstructorParameters<typeof MadeChain>[0], withTrouble: boolean) {
    super({ lateListingShare: withTrouble ? 0.1 : 0, ...options });
    this.#withTrouble = withTrouble;
    this.#later = new SimulatedExchange({ ...this.options, now: () => Date.now() + LISTED_MS });
  }

  /** JSON of every malformed log that the nodes have had, those of blocks that were replaced too. */
  get served(): ReadonlySet<string> {
    return this.#served;
  }

  /** From now on every market is listed that anything is traded in. */
  listAll(): void {
    this.#isListed = true;
  }

  override logs(block: number): readonly ChainLog[] {
    const logs = super.logs(block);
    return this.#withTrouble ? logs.map((entry) => this.#perhapsBroken(entry)) : logs;
  }

  override markets(): readonly MarketEntry[] {
    const markets = this.#isListed ? this.#later.markets() : super.markets();
    return this.#withTrouble ? [entryOf(BROKEN_MARKET, 0), ...markets] : markets;
  }

  #perhapsBroken(entry: ChainLog): ChainLog {
    const known = this.#broken.get(entry);
    if (known !== undefined) return known;
    const made = perhapsBroken(this.options.seed, entry);
    this.#broken.set(entry, made);
    if (made.malformed !== undefined) this.#served.add(JSON.stringify(made.log));
    return made;
  }
}
