import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { AppError, oneLine } from '../src/base/errors.ts';
import { DEFAULT_TIMEOUT_MS } from '../src/sources/http.ts';
import { verdictOf } from '../src/sources/upstreamError.ts';

/** The upstream APIs that have a breaker, and how people call them. */
export const API_NAMES = {
  gamma: 'Gamma',
  goldsky: 'Goldsky',
  polygon: 'Polygon',
  hypersync: 'HyperSync',
} as const;

export type Api = keyof typeof API_NAMES;

/** When a breaker opens, and when the API is tried while it is open. */
export interface BreakerLimits {
  /** Failed requests in a row, over all replicas, that open it. */
  readonly opensAfter: number;
  /** Milliseconds from the opening to the first probe; doubles with each probe that fails. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** A prober that has not said how it went by then is taken for dead; longer than a request takes. */
  readonly leaseMs: number;
}

const LIMITS: BreakerLimits = {
  opensAfter: 5,
  firstPauseMs: 1_000,
  longestPauseMs: 30_000,
  leaseMs: DEFAULT_TIMEOUT_MS + 5_000,
};

/** Those that wait for a probe's outcome look again after about this, in milliseconds. */
const LOOK_AGAIN_MS = 1_000;

/** How an API stands. */
export interface BreakerState {
  readonly state: 'closed' | 'open';
  /** Failed requests in a row. */
  readonly failures: number;
  /** Milliseconds since 1970, by the clock of Redis; undefined while closed. */
  readonly openSince: number | undefined;
  /** Milliseconds until the next probe, 0 while one is under way or due; undefined while closed. */
  readonly nextProbeMs: number | undefined;
  /** What the last of the failures was, in one line. */
  readonly lastError: string | undefined;
}

/** Times are Redis' own: the clocks of the replicas may differ, and jump. */
const NOW = `local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function left(nextAt, holdMs)
  -- Further away than it was ever put: the clock was set back.
  local ms = nextAt - now()
  if ms > tonumber(holdMs) then return 0 end
  return math.max(0, ms)
end`;

/** Gives failures, openSince, milliseconds to the next probe, whether one is under way, lastError. */
const READ = `${NOW}
local state = redis.call('HMGET', KEYS[1], 'failures', 'openSince', 'nextAt', 'holdMs', 'probe', 'lastError')
if not state[2] then return {state[1], '', 0, 0, state[6]} end
return {state[1], state[2], left(state[3], state[4]), state[5] and 1 or 0, state[6]}`;

/** Gives 0 where no request may be made, 1 where one may, 2 where its success has something to put right (while open it is the one probe, under a lease). */
const ENTER = `${NOW}
local state = redis.call('HMGET', KEYS[1], 'openSince', 'nextAt', 'holdMs', 'failures')
if not state[1] then return state[4] and 2 or 1 end
if left(state[2], state[3]) > 0 then return 0 end
redis.call('HSET', KEYS[1], 'probe', ARGV[1], 'nextAt', now() + ARGV[2], 'holdMs', ARGV[2])
return 2`;

const FAILED = `${NOW}
local token, line, waitMs, chance = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local opensAfter, firstPause, longestPause = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
redis.call('HSET', KEYS[1], 'lastError', line)
local state = redis.call('HMGET', KEYS[1], 'openSince', 'probe', 'pauseMs')
local pause = firstPause
if not state[1] then
  if failures < opensAfter then return end
  redis.call('HSET', KEYS[1], 'openSince', now())
elseif state[2] == token then
  pause = math.min(state[3] * 2, longestPause)
else
  -- Begun before the breaker opened, or its lease was taken over: others decide when to try next.
  return
end
local hold = math.ceil(math.max(pause * chance, waitMs))
redis.call('HDEL', KEYS[1], 'probe')
redis.call('HSET', KEYS[1], 'pauseMs', pause, 'nextAt', now() + hold, 'holdMs', hold)`;

/** The probe said nothing about the API: another may be made at once. */
const RELEASE = `if redis.call('HGET', KEYS[1], 'probe') ~= ARGV[1] then return end
redis.call('HDEL', KEYS[1], 'probe')
redis.call('HSET', KEYS[1], 'nextAt', 0)`;

/**
 * One circuit breaker an upstream API, shared by all replicas through Redis. Five failed requests in a row open it;
 * while open, one request at a time over all replicas probes the API, at growing pauses, and the first that works
 * closes it. Lost with Redis, all are closed.
 */
export class Breakers {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #limits: BreakerLimits;

  constructor(redis: Redis, prefix: string, limits: Partial<BreakerLimits> = {}) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#limits = { ...LIMITS, ...limits };
  }

  /**
   * Makes one request to the API, unless its breaker is open and it is not time for a probe.
   * @throws AppError CIRCUIT_OPEN (wait): no request was made; and whatever the request throws
   */
  async guarded<T>(api: Api, request: () => Promise<T>): Promise<T> {
    const token = randomUUID();
    const key = this.#key(api);
    const enter = await this.#redis.eval(ENTER, 1, key, token, this.#limits.leaseMs);
    if (enter === 0) throw await this.#openError(api);
    let answer;
    try {
      answer = await request();
    } catch (error) {
      // A failure that cannot be noted is one not counted: the caller has to learn of the failure itself.
      await this.#note(key, token, error).catch(() => undefined);
      throw error;
    }
    // Failures that came meanwhile are put right by the next one that works.
    if (enter === 2) await this.#redis.del(key);
    return answer;
  }

  async read(api: Api): Promise<BreakerState> {
    return (await this.#read(api)).breaker;
  }

  async #note(key: string, token: string, error: unknown): Promise<void> {
    const verdict = verdictOf(error);
    if (verdict === 'works') await this.#redis.del(key);
    else if (verdict === 'none') await this.#redis.eval(RELEASE, 1, key, token);
    else {
      // Half of a pause by chance; a time that the API itself names is kept to.
      const chance = 0.5 + Math.random() / 2;
      const waitMs = error instanceof AppError ? (error.waitMs ?? 0) : 0;
      const { opensAfter, firstPauseMs, longestPauseMs } = this.#limits;
      const limits = [opensAfter, firstPauseMs, longestPauseMs];
      await this.#redis.eval(FAILED, 1, key, token, oneLine(error), waitMs, chance, ...limits);
    }
  }

  async #openError(api: Api): Promise<AppError> {
    const { breaker, isProbing } = await this.#read(api);
    const { failures, nextProbeMs = 0, lastError = 'unknown' } = breaker;
    const waitMs = (isProbing ? LOOK_AGAIN_MS : nextProbeMs) + Math.random() * LOOK_AGAIN_MS;
    const what = `${API_NAMES[api]} is asked only now and then, by one request at a time, until it works: ${failures} requests in a row failed. The last error: ${lastError}`;
    return new AppError('CIRCUIT_OPEN', what, { retry: 'wait', waitMs: Math.ceil(waitMs) });
  }

  async #read(api: Api): Promise<{ breaker: BreakerState; isProbing: boolean }> {
    const read = await this.#redis.eval(READ, 1, this.#key(api));
    const [failures, openSince, leftMs, probe, lastError] = read as [
      string | null,
      string,
      number,
      number,
      string | null,
    ];
    const isProbing = probe === 1;
    const open = openSince !== '';
    const breaker = {
      state: open ? 'open' : 'closed',
      failures: Number(failures ?? 0),
      openSince: open ? Number(openSince) : undefined,
      nextProbeMs: !open ? undefined : isProbing ? 0 : leftMs,
      lastError: lastError ?? undefined,
    } as const;
    return { breaker, isProbing };
  }

  #key(api: Api): string {
    return `${this.#prefix}:breaker:${api}`;
  }
}
