import { BLOCK_SECONDS, blockNumberAt, blockSecond } from './chain.ts';
import { mix } from './random.ts';

/** The blocks `first` to `last` were replaced at a millisecond of the clock. */
export interface Reorg {
  readonly id: string;
  readonly at: number;
  readonly first: number;
  readonly last: number;
}

export interface ReorgOptions {
  readonly seed: number;
  /** One at each multiple of this many seconds; 0 = none. */
  readonly reorgEverySeconds: number;
  /** No reorganisation is deeper. */
  readonly finalityBlocks: number;
  /** How long after its second a block can be read from a node. */
  readonly blockDelayMs: number;
  readonly now: () => number;
}

/** Scheduled ones are this deep at most. */
const SCHEDULED_DEPTH = 2;

/**
 * When which blocks were replaced. Those of the schedule follow from the options and the clock alone, so that every
 * process that asks later sees the same chain; those made by hand are of this process.
 */
export class Reorgs {
  readonly #options: ReorgOptions;
  readonly #byHand: Reorg[] = [];

  constructor(options: ReorgOptions) {
    this.#options = options;
  }

  /** The newest block the nodes have at a millisecond of the clock. */
  headAt(at: number): number {
    return blockNumberAt(Math.floor((at - this.#options.blockDelayMs) / 1000));
  }

  /** Replaces the newest blocks now. */
  add(depth: number): void {
    const last = this.headAt(this.#options.now());
    const count = Math.min(depth, this.#options.finalityBlocks);
    if (count === 0) return;
    // Two of one millisecond still have an order.
    const at = Math.max(this.#options.now(), (this.#byHand.at(-1)?.at ?? 0) + 0.01);
    this.#byHand.push({ id: `hand ${this.#byHand.length}`, at, first: last - count + 1, last });
  }

  /** The fork a block is on: the last reorganisation that replaced it or a block before it; '' = none. */
  forkOf(block: number): string {
    const byHand = this.#byHand.findLast(({ first }) => first <= block);
    for (const scheduled of this.#scheduledAround(block)) {
      if (scheduled.first > block) continue;
      return (byHand === undefined || scheduled.at > byHand.at ? scheduled : byHand).id;
    }
    return byHand?.id ?? '';
  }

  /** The last reorganisation that replaced a block, before another one if that is given. */
  lastOf(block: number, before?: Reorg): Reorg | undefined {
    const until = before?.at ?? Infinity;
    const replaced = ({ at, first, last }: Reorg): boolean => at < until && first <= block && block <= last;
    const byHand = this.#byHand.findLast(replaced);
    for (const scheduled of this.#scheduledAround(block)) {
      if (scheduled.last < block) break;
      if (replaced(scheduled)) return byHand === undefined || scheduled.at > byHand.at ? scheduled : byHand;
    }
    return byHand;
  }

  /** The scheduled ones that have happened, latest first, from the last that can have replaced the block. */
  *#scheduledAround(block: number): Generator<Reorg> {
    const { reorgEverySeconds: every, finalityBlocks, blockDelayMs, now } = this.#options;
    if (every === 0 || finalityBlocks === 0) return;
    const reach = (SCHEDULED_DEPTH + 1) * BLOCK_SECONDS + blockDelayMs / 1000;
    const from = Math.min(now() / 1000, blockSecond(block) + reach);
    for (let turn = Math.floor(from / every); turn > 0; turn--) yield this.#scheduled(turn * every);
  }

  #scheduled(second: number): Reorg {
    const { seed, finalityBlocks } = this.#options;
    const last = this.headAt(second * 1000);
    const depth = Math.min(finalityBlocks, 1 + (mix(seed, second, 53) % SCHEDULED_DEPTH));
    return { id: `at ${second}`, at: second * 1000, first: last - depth + 1, last };
  }
}
