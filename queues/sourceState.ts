import type { Redis } from 'ioredis';
import type { Cursor } from '../src/domain/coverage.ts';
import { asText, readFields, writeFields } from './stateHash.ts';

/**
 * Where a source's live tail stands. A convenience in Redis, never the truth: when it is lost, the tail goes on
 * from the coverage in ClickHouse.
 */
export interface SourceState {
  /** Where the next request starts. Set only after the page before it is a durable job. */
  readonly cursor: Cursor | undefined;
  /** An event that the next answer has to hold, because the one before did. */
  readonly known: Cursor | undefined;
  /** The fetch job that carries the chain now. */
  readonly chainJobId: string | undefined;
  /** The chain that moves the cursor; jobs of any other have nothing to say. */
  readonly chainId: string | undefined;
  /** Content and reach of the newest page of the tail: the same page again is no news. */
  readonly tail: string | undefined;
  /** Newest block the upstream has, unix seconds; undefined where it does not say. */
  readonly headTimestamp: number | undefined;
  /** That block's number, of a source whose positions are blocks. */
  readonly headBlock: number | undefined;
  /** The newest block read beyond the final ones. */
  readonly headRead: HeadRead | undefined;
  /** Why the last request did not work; undefined when it did. */
  readonly problem: string | undefined;
}

/** How far a tail has read beyond the final blocks. */
export interface HeadRead {
  /** The newest block read, as it was then. */
  readonly number: number;
  readonly hash: string;
  /** A reorg, or a loss, has touched the blocks before `to`: until they are final, or until a millisecond, they are compared. */
  readonly compared?: { readonly to: number; readonly until: number };
}

/** The state, and the life of the Redis server (its run id) in which it was read. */
export interface SourceStateRead extends SourceState {
  readonly life: string;
}

const FIELDS = [
  'cursor',
  'known',
  'chainJobId',
  'chainId',
  'tail',
  'headTimestamp',
  'headBlock',
  'headRead',
  'problem',
] as const;

const LIFE = `local function life() return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or '' end`;

const READ_LIFE = `${LIFE} return life()`;

/** Sets and removes fields only while nothing has come between: see SourceStates.advance. */
const ADVANCE = `${LIFE}
local now = redis.call('HMGET', KEYS[1], 'chainId', 'cursor')
if (ARGV[1] ~= '' and now[1] ~= ARGV[1]) or (now[2] or '') ~= ARGV[2] or life() ~= ARGV[3] then return 0 end
for i = 4, #ARGV, 2 do
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

  async read(source: string): Promise<SourceStateRead> {
    // The life first: what is read after it is of that life or a later one.
    const life = String(await this.#redis.eval(READ_LIFE, 1, this.#key(source)));
    const values = await readFields(this.#redis, this.#key(source), FIELDS);
    const [cursor, known, chainJobId, chainId, tail, headTimestamp, headBlock, headRead, problem] = values;
    return {
      life,
      cursor: fromText<Cursor>(cursor),
      known: fromText<Cursor>(known),
      chainJobId,
      chainId,
      tail,
      headTimestamp: fromText<number>(headTimestamp),
      headBlock: fromText<number>(headBlock),
      headRead: fromText<HeadRead>(headRead),
      problem,
    };
  }

  /** Sets the given fields; undefined removes one. */
  async update(source: string, change: Partial<SourceState>): Promise<void> {
    await writeFields(this.#redis, this.#key(source), change);
  }

  /**
   * As update, but only while the chain (where one is named) is the one that moves the cursor, the cursor still stands
   * where it was (a job may be done twice), and the Redis server is the one of the read: a server that was restarted may
   * have lost the page that was added just before (its log is synced each second), one that was emptied has lost all of
   * them. Gives false where it did nothing.
   */
  async advance(
    source: string,
    expected: Pick<SourceStateRead, 'life' | 'cursor'> & { readonly chainId?: string | undefined },
    change: Partial<SourceState>,
  ): Promise<boolean> {
    const fields = Object.entries(change).flatMap(([field, value]) => [
      field,
      value === undefined ? '' : asText(value),
    ]);
    const { chainId = '', cursor, life } = expected;
    const given = [chainId, cursor === undefined ? '' : asText(cursor), life];
    return (await this.#redis.eval(ADVANCE, 1, this.#key(source), ...given, ...fields)) === 1;
  }

  #key(source: string): string {
    return `${this.#prefix}:source:${source}`;
  }
}

function fromText<T>(text: string | undefined): T | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
