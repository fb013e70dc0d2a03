import type { Config } from '../base/config.ts';
import { concurrencyOf, type QueueName } from '../../queues/catalogue.ts';
import { paceOf } from '../../queues/limiter.ts';
import type { Queues } from '../../queues/producer.ts';

/** How long the number of workers is taken for what it was, in milliseconds. */
const KEPT_MS = 5_000;
/** While pages of some chains land, and ended ones are not replaced yet, requests of others are on their way. */
const RESERVE = 1.5;
const FEWEST_CHAINS = 8;
/** What is under way is read whole in each step. */
const MOST_CHAINS = 128;
/** Of an API with a bound no more requests can be on their way than it allows in so many seconds: few answers take longer. */
const LONGEST_ANSWER_S = 10;

/** How many chains of requests a backfill has under way: enough for all requests that can be on their way at once. */
export class FetchPlaces {
  readonly #queues: Queues;
  readonly #config: Config;
  readonly #queue: QueueName;
  #counted: { readonly chains: number; readonly until: number } | undefined;

  /** @param queue the one that the chains go through */
  constructor(queues: Queues, config: Config, queue: QueueName) {
    this.#queues = queues;
    this.#config = config;
    this.#queue = queue;
  }

  async chains(): Promise<number> {
    const now = performance.now();
    if (this.#counted === undefined || this.#counted.until <= now) {
      const workers = await this.#queues.get(this.#queue).getWorkersCount();
      this.#counted = { chains: this.#chainsFor(workers), until: now + KEPT_MS };
    }
    return this.#counted.chains;
  }

  #chainsFor(workers: number): number {
    const places = workers * concurrencyOf(this.#queue, this.#config);
    const pace = paceOf(this.#queue, this.#config);
    const allowed = pace === undefined ? Infinity : (LONGEST_ANSWER_S * 1000) / pace.periodMs;
    const wanted = Math.ceil(Math.min(places, allowed) * RESERVE);
    return Math.min(MOST_CHAINS, Math.max(FEWEST_CHAINS, wanted));
  }
}
