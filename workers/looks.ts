import type { Redis } from 'ioredis';
import type { Queues } from '../queues/producer.ts';
import { writtenSoFar } from './written.ts';

/** However quiet it is, a look is made after this, in milliseconds: somebody else may have changed the tables. */
const LONGEST_MS = 30_000;

export interface Look<T> {
  readonly found: T;
  /** Milliseconds for which the next look can find nothing, as long as nothing is written. */
  readonly quietMs: number;
}

/**
 * Looks into ClickHouse that come again and again, for what only a write or a point in time can bring about: one that found
 * nothing is not made again before either.
 */
export class Looks {
  readonly #redis: Redis;
  readonly #queues: Queues;
  readonly #last = new Map<string, { readonly written: string; readonly quietUntil: number }>();

  constructor(redis: Redis, queues: Queues) {
    this.#redis = redis;
    this.#queues = queues;
  }

  /** Undefined where the look was spared. */
  async make<T>(name: string, look: () => Promise<Look<T>>): Promise<T | undefined> {
    // Before the look: what is written during it may have been missed.
    const written = await writtenSoFar(this.#redis, this.#queues, ['orders', 'writes']);
    const last = this.#last.get(name);
    if (last?.written === written && performance.now() < last.quietUntil) return undefined;
    const { found, quietMs } = await look();
    this.#last.set(name, { written, quietUntil: performance.now() + Math.min(quietMs, LONGEST_MS) });
    return found;
  }
}
