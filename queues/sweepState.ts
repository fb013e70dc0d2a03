import type { Redis } from 'ioredis';
import { chunksOf } from '../src/base/chunks.ts';
import { readFields, writeFields } from './stateHash.ts';

/** A walk over all open or all closed markets. Lost with Redis, it starts again: nothing depends on it. */
export interface SweepState {
  /** Milliseconds; undefined before the first sweep. */
  readonly startedAt: number | undefined;
  /** Milliseconds; undefined while the sweep is under way. */
  readonly finishedAt: number | undefined;
  /** The API's own cursor of the next page; undefined on the first. */
  readonly afterCursor: string | undefined;
  readonly chainJobId: string | undefined;
  /** Pages of this sweep that were not known to be stored just so; undefined before the first. */
  readonly newPages: number | undefined;
  /** Sweeps in a row, the last one with them, without such a page; undefined where it had one. */
  readonly quietSweeps: number | undefined;
}

const FIELDS = ['startedAt', 'finishedAt', 'afterCursor', 'chainJobId', 'newPages', 'quietSweeps'] as const;

/** Market ids seen by one sweep of open markets live this long at most, in seconds. */
const SEEN_TTL_S = 86_400;
/** Redis does nothing else while a command runs. */
const IDS_A_COMMAND = 1_000;

export class SweepStates {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async read(closed: boolean): Promise<SweepState> {
    const values = await readFields(this.#redis, this.#key(closed), FIELDS);
    const [startedAt, finishedAt, afterCursor, chainJobId, newPages, quietSweeps] = values;
    return {
      startedAt: numberOf(startedAt),
      finishedAt: numberOf(finishedAt),
      afterCursor,
      chainJobId,
      newPages: numberOf(newPages),
      quietSweeps: numberOf(quietSweeps),
    };
  }

  /** Sets the given fields; undefined removes one. */
  async update(closed: boolean, change: Partial<SweepState>): Promise<void> {
    await writeFields(this.#redis, this.#key(closed), change);
  }

  /** Remembers the open markets that the running sweep has met. */
  async noteSeen(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#redis
      .multi()
      .sadd(this.#seenKey(), ...ids)
      .expire(this.#seenKey(), SEEN_TTL_S)
      .exec();
  }

  /** Those of the given markets that the sweep has not met. */
  async notSeen(ids: readonly string[]): Promise<string[]> {
    const missing: string[] = [];
    for (const some of chunksOf(ids, IDS_A_COMMAND)) {
      const seen = await this.#redis.smismember(this.#seenKey(), ...some);
      missing.push(...some.filter((_, index) => seen[index] === 0));
    }
    return missing;
  }

  async forgetSeen(): Promise<void> {
    await this.#redis.del(this.#seenKey());
  }

  #key(closed: boolean): string {
    return `${this.#prefix}:sweep:${closed ? 'closed' : 'open'}`;
  }

  #seenKey(): string {
    return `${this.#prefix}:sweep:open:seen`;
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
