import { LRUCache } from 'lru-cache';
import { blockSecond } from './chain.ts';
import type { FillGenerator, Transaction } from './fills.ts';
import { hash32, Random } from './random.ts';
import type { Reorg, Reorgs } from './reorgs.ts';

/** Of the transactions of a replaced block, so many are never seen again, so many move within the replaced blocks. */
const GONE_SHARE = 0.15;
const MOVED_SHARE = 0.25;
const MOST_NEW = 3;

type Blocks = ReadonlyMap<number, readonly Transaction[]>;

/** What the blocks hold after all reorganisations. */
export class Forks {
  readonly #seed: number;
  readonly #fills: FillGenerator;
  readonly #reorgs: Reorgs;
  readonly #replaced = new LRUCache<string, Blocks>({ max: 100 });

  constructor(seed: number, fills: FillGenerator, reorgs: Reorgs) {
    this.#seed = seed;
    this.#fills = fills;
    this.#reorgs = reorgs;
  }

  /** The transactions of a block, in its order. */
  transactions(block: number): readonly Transaction[] {
    return this.#before(block);
  }

  #before(block: number, next?: Reorg): readonly Transaction[] {
    const last = this.#reorgs.lastOf(block, next);
    return last === undefined
      ? this.#fills.transactions(blockSecond(block))
      : (this.#after(last).get(block) ?? []);
  }

  #after(reorg: Reorg): Blocks {
    const known = this.#replaced.get(reorg.id);
    if (known !== undefined) return known;
    const made = this.#replace(reorg);
    this.#replaced.set(reorg.id, made);
    return made;
  }

  #replace(reorg: Reorg): Blocks {
    const random = new Random(this.#seed, Number.parseInt(hash32('reorg', reorg.id).slice(2, 14), 16));
    const blocks = new Map<number, Transaction[]>();
    const moved: Transaction[] = [];
    for (let block = reorg.first; block <= reorg.last; block++) {
      const stay: Transaction[] = [];
      for (const transaction of this.#before(block, reorg)) {
        const draw = random.next();
        if (draw < GONE_SHARE) continue;
        (draw < GONE_SHARE + MOVED_SHARE ? moved : stay).push(transaction);
      }
      blocks.set(block, stay);
    }
    const numbers = [...blocks.keys()];
    const place = (transaction: Transaction, block: number): void => {
      const there = blocks.get(block) ?? [];
      there.splice(random.below(there.length + 1), 0, transaction);
    };
    for (const transaction of moved) place(transaction, random.pick(numbers));
    for (const block of numbers) {
      const fresh = this.#fills.extra(blockSecond(block), reorg.id, 1 + random.below(MOST_NEW));
      for (const transaction of fresh) place(transaction, block);
    }
    return blocks;
  }
}
