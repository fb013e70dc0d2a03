import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Config } from '../src/base/config.ts';
import { AppError } from '../src/base/errors.ts';
import type { QueueName } from './catalogue.ts';
import { limiterFor } from './limiter.ts';
import type { Queues } from './producer.ts';

/**
 * A turn is a job's worth of the queue's limiter (BullMQ's own key: a counter that lives as long as its window). Where
 * the window is full, the next one is taken, whole. Gives the milliseconds until the turn.
 */
const TAKE = `
local max, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left <= 0 then
  redis.call('SET', KEYS[1], 1, 'PX', period)
  return 0
end
if tonumber(redis.call('GET', KEYS[1])) < max then
  redis.call('INCR', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], 999999, 'PX', left + period)
return left`;

/**
 * Waits until one more request may be made by a job of a queue: its first one is paid for by its start, any further one
 * counts like a job of its own, on all replicas.
 * @throws AppError STOPPED (wait) where the signal ends the wait
 */
export async function takeTurn(
  redis: Redis,
  queues: Queues,
  name: QueueName,
  config: Config,
  signal?: AbortSignal,
): Promise<void> {
  const limiter = limiterFor(name, config);
  if (limiter === undefined) return;
  const key = queues.get(name).toKey('limiter');
  const waitMs = Number(await redis.eval(TAKE, 1, key, limiter.max, limiter.duration));
  try {
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  } catch (cause) {
    throw new AppError('STOPPED', 'Stopped while it waited for its turn.', {
      retry: 'wait',
      waitMs: 0,
      cause,
    });
  }
}
