import type { Redis } from 'ioredis';
import type { Cursor } from '../src/domain/coverage.ts';
import { asText, readFields, writeFields } from './stateHash.ts';

/**
 * Where a source's live tail stands. A convenience in Redis, never the truth: when it is lost, the tail goes on
 * from the contiguous coverage in ClickHouse.
 */
export interface SourceState {
  /** Where the next request starts. Set only after the page before it is a durable job. */
  readonly cursor: Cursor | undefined;
  /** The fetch job that carries the chain now. */
  readonly chainJobId: string | undefined;
  /** The chain that moves the cursor; jobs of any other have nothing to say. */
  readonly chainId: string | undefined;
  /** Content and reach of the newest page of the tail: the same page again is no news. */
  readonly tail: string | undefined;
  /** Newest block the upstream has indexed, unix seconds; undefined where it does not say. */
  readonly headTimestamp: number | undefined;
  /** Why the last request did not work; undefined when it did. */
  readonly problem: string | undefined;
}

const FIELDS = ['cursor', 'chainJobId', 'chainId', 'tail', 'headTimestamp', 'problem'] as const;

/** Sets and removes fields only while the chain is the one that moves the cursor: see SourceStates.advance. */
const ADVANCE = `
if redis.call('HGET', KEYS[1], 'chainId') ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
  else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return 1`;

export class SourceStates {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async read(source: string): Promise<SourceState> {
    const values = await readFields(this.#redis, this.#key(source), FIELDS);
    const [cursor, chainJobId, chainId, tail, headTimestamp, problem] = values;
    return {
      cursor: cursor === undefined ? undefined : (JSON.parse(cursor) as Cursor),
      chainJobId,
      chainId,
      tail,
      headTimestamp: headTimestamp === undefined ? undefined : Number(headTimestamp),
      problem,
    };
  }

  /** Sets the given fields; undefined removes one. */
  async update(source: string, change: Partial<SourceState>): Promise<void> {
    await writeFields(this.#redis, this.#key(source), change);
  }

  /**
   * As update, but only while the chain is the one that moves the cursor. When Redis was emptied under a running
   * fetch, pages before it are lost: setting its cursor then would skip them for good. Gives false where it did nothing.
   */
  async advance(source: string, chainId: string, change: Partial<SourceState>): Promise<boolean> {
    const fields = Object.entries(change).flatMap(([field, value]) => [
      field,
      value === undefined ? '' : asText(value),
    ]);
    return (await this.#redis.eval(ADVANCE, 1, this.#key(source), chainId, ...fields)) === 1;
  }

  #key(source: string): string {
    return `${this.#prefix}:source:${source}`;
  }
}
