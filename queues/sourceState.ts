import type { Redis } from 'ioredis';
import type { Cursor } from '../src/domain/coverage.ts';

/**
 * Where a source's live tail stands. A convenience in Redis, never the truth: when it is lost, the tail goes on
 * from the contiguous coverage in ClickHouse.
 */
export interface SourceState {
  /** Where the next request starts. Set only after the page before it is a durable job. */
  readonly cursor: Cursor | undefined;
  /** The fetch job that carries the chain now. */
  readonly chainJobId: string | undefined;
  /** Newest block the upstream has indexed, unix seconds; undefined where it does not say. */
  readonly headTimestamp: number | undefined;
  /** Why the last request did not work; undefined when it did. */
  readonly problem: string | undefined;
}

const FIELDS = ['cursor', 'chainJobId', 'headTimestamp', 'problem'] as const;

export class SourceStates {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async read(source: string): Promise<SourceState> {
    const values = await this.#redis.hmget(this.#key(source), ...FIELDS);
    const [cursor, chainJobId, headTimestamp, problem] = values.map((value) => value ?? undefined);
    return {
      cursor: cursor === undefined ? undefined : (JSON.parse(cursor) as Cursor),
      chainJobId,
      headTimestamp: headTimestamp === undefined ? undefined : Number(headTimestamp),
      problem,
    };
  }

  /** Sets the given fields; undefined removes one. */
  async update(source: string, change: Partial<SourceState>): Promise<void> {
    const key = this.#key(source);
    const pipeline = this.#redis.multi();
    for (const [field, value] of Object.entries(change)) {
      if (value === undefined) pipeline.hdel(key, field);
      else pipeline.hset(key, field, typeof value === 'object' ? JSON.stringify(value) : String(value));
    }
    await pipeline.exec();
  }

  #key(source: string): string {
    return `${this.#prefix}:source:${source}`;
  }
}
