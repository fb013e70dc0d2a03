import type { Redis } from 'ioredis';

/** First pause before a token that no market API knew is asked for again, in milliseconds; doubles each time. */
const FIRST_PAUSE_MS = 15_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;
/** The list is compared with ClickHouse this often, in seconds, and at once when Redis was emptied. */
const REBUILD_EVERY_S = 3_600;
const MOST_DOUBLINGS = Math.ceil(Math.log2(LONGEST_PAUSE_MS / FIRST_PAUSE_MS));

/** Due at that millisecond, or now by Redis' clock. */
const NOTE = `
local at = ARGV[1]
if at == '' then
  local time = redis.call('TIME')
  at = time[1] * 1000 + math.floor(time[2] / 1000)
end
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'NX', at, ARGV[i]) end`;

/**
 * When to ask the market API about which unknown token. In Redis, shared by all replicas; rebuilt from
 * ClickHouse (unlabelled_tokens) when Redis was emptied. A market may be listed after its first fills, so a
 * token that is not found is asked for again, ever more rarely; some are never listed (combos).
 */
export class TokenLookups {
  readonly #redis: Redis;
  readonly #due: string;
  readonly #tries: string;
  readonly #rebuilt: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#due = `${prefix}:lookups:due`;
    this.#tries = `${prefix}:lookups:tries`;
    this.#rebuilt = `${prefix}:lookups:rebuilt`;
  }

  /** Puts tokens on the list, due at once; those already on it keep their place. */
  async note(tokenIds: readonly string[], at?: number): Promise<void> {
    if (tokenIds.length === 0) return;
    await this.#redis.eval(NOTE, 1, this.#due, at ?? '', ...tokenIds);
  }

  /** True for one caller, when the list is to be filled up from ClickHouse. */
  async claimRebuild(): Promise<boolean> {
    return (await this.#redis.set(this.#rebuilt, '1', 'EX', REBUILD_EVERY_S, 'NX')) === 'OK';
  }

  /** Takes the tokens that are due, and sets when each is due again if nobody takes it off the list. */
  async takeDue(limit: number, at?: number): Promise<string[]> {
    const now = at ?? (await this.#now());
    const tokens = await this.#redis.zrangebyscore(this.#due, '-inf', now, 'LIMIT', 0, limit);
    if (tokens.length === 0) return [];
    const counting = this.#redis.pipeline();
    for (const token of tokens) counting.hincrby(this.#tries, token, 1);
    const counts = (await counting.exec()) ?? [];
    const next = tokens.flatMap((token, index) => {
      const tries = Number(counts[index]?.[1] ?? 1);
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries - 1, MOST_DOUBLINGS));
      return [now + pause, token];
    });
    await this.#redis.zadd(this.#due, 'XX', ...next);
    return tokens;
  }

  /** Redis' clock, in milliseconds: those of the replicas may differ, and jump. */
  async #now(): Promise<number> {
    const [seconds, micros] = await this.#redis.time();
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  /** Takes tokens off the list: their market is known. */
  async forget(tokenIds: readonly string[]): Promise<void> {
    if (tokenIds.length === 0) return;
    await this.#redis
      .multi()
      .zrem(this.#due, ...tokenIds)
      .hdel(this.#tries, ...tokenIds)
      .exec();
  }
}
