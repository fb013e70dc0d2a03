import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Config } from '../src/base/config.ts';
import { AppError } from '../src/base/errors.ts';
import type { QueueName } from './catalogue.ts';
import { paceOf, type Pace } from './limiter.ts';
import type { Queues } from './producer.ts';

/**
 * Takes the next free turn and gives the milliseconds until then. KEYS[1] has the last turns, as many as a window may have,
 * the newest first, in milliseconds of Redis' clock: a turn is a whole window after the one that many before it. KEYS[2] is
 * that clock as it was last seen, KEYS[3] BullMQ's own key (a counter that lives as long as its window, or as a pause that
 * the API asked for): it lets the next job start shortly before the next turn.
 *
 * Lost with Redis, turns come evenly, without the allowance for catching up: where the bound was used up
 * at that moment, one or two requests too many may fall into the window around it.
 */
const TAKE = `
local bound, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local period, shortest, lead = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local max, starts = tonumber(ARGV[6]), ARGV[7] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local function text(ms) return string.format('%.3f', ms) end

local back = tonumber(redis.call('GET', KEYS[2]) or now) - now
redis.call('SET', KEYS[2], text(now))
if back > 0 then
  -- The clock was set back: the turns go with it.
  local turns = redis.call('LRANGE', KEYS[1], 0, -1)
  redis.call('DEL', KEYS[1])
  for _, at in ipairs(turns) do redis.call('RPUSH', KEYS[1], text(at - back)) end
end

local function free(from)
  local newest, oldest = redis.call('LINDEX', KEYS[1], 0), redis.call('LINDEX', KEYS[1], bound - 1)
  if newest then from = math.max(from, newest + (oldest and shortest or period)) end
  if oldest then from = math.max(from, oldest + window) end
  return from
end

local gate = math.max(0, redis.call('PTTL', KEYS[3]))
local isShut = gate > 0 and tonumber(redis.call('GET', KEYS[3])) >= max
-- A job's start has passed the gate, and shut it behind itself.
local at = free(now + ((isShut and not starts) and gate or 0))
redis.call('LPUSH', KEYS[1], text(at))
redis.call('LTRIM', KEYS[1], 0, bound - 1)
local shutFor = math.floor(free(at) - now - lead)
if shutFor > gate then redis.call('SET', KEYS[3], 999999, 'PX', shutFor) end
return math.ceil(at - now)`;

/** Sent later than this after its turn, in milliseconds, a request takes another one: what is left of the jitter is the network's. */
const LATEST_MS = 250;
/** Then it is Redis that is slow, and as many turns are lost as taken. */
const MOST_TRIES = 3;

export interface TurnOptions {
  readonly signal?: AbortSignal | undefined;
  /** For the first request of a job: its start has waited at the queue's limiter already. */
  readonly starts?: boolean;
}

/**
 * Waits until one more request may be sent for a queue: to be called right before it is. No window of 10 s has more than
 * the allowed requests, of all replicas together.
 * @throws AppError STOPPED (wait) where the signal ends the wait
 */
export async function takeTurn(
  redis: Redis,
  queues: Queues,
  name: QueueName,
  config: Config,
  options: TurnOptions = {},
): Promise<void> {
  const pace = paceOf(name, config);
  if (pace !== undefined) await waitForTurn(redis, queues.get(name).toKey('limiter'), pace, options);
}

/** @param gate key of the queue's limiter @throws AppError STOPPED (wait) */
export async function waitForTurn(
  redis: Redis,
  gate: string,
  pace: Pace,
  { signal, starts = false }: TurnOptions,
): Promise<void> {
  const { bound, windowMs, periodMs, shortestMs, leadMs, limiter } = pace;
  const keys = [`${gate}:turns`, `${gate}:clock`, gate];
  const args = [bound, windowMs, periodMs, shortestMs, leadMs, limiter.max, starts ? 1 : 0];
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    const askedAt = performance.now();
    const waitMs = Number(await redis.eval(TAKE, keys.length, ...keys, ...args));
    try {
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    } catch (cause) {
      throw new AppError('STOPPED', 'Stopped while it waited for its turn.', {
        retry: 'wait',
        waitMs: 0,
        cause,
      });
    }
    if (performance.now() - askedAt - waitMs <= LATEST_MS) return;
  }
}
