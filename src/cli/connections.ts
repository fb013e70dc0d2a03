import type { Redis } from 'ioredis';
import type { CommandContext, OptionSpecs } from '../base/commandSpec.ts';
import { log } from '../base/log.ts';
import { Database, type DatabaseOptions } from '../store/clickhouse.ts';
import { connectRedis } from '../../queues/connection.ts';
import { Queues } from '../../queues/producer.ts';
import { redisAnswers } from './redisAnswers.ts';

type Context = Pick<CommandContext<OptionSpecs>, 'config' | 'onStop' | 'signal' | 'stopped'>;

/** The database of a command, closed when it stops. */
export function openDatabase({ config, onStop }: Context, options: DatabaseOptions = {}): Database {
  const database = new Database(config.clickhouse, options);
  onStop(() => database.close());
  return database;
}

/**
 * Redis and its queues, closed when the command stops.
 * @throws AppError REDIS_UNAVAILABLE where it does not answer
 */
export async function openQueues(
  { config, onStop }: Context,
  name: string,
): Promise<{ readonly redis: Redis; readonly queues: Queues }> {
  const redis = connectRedis(config.redis.url, log(name));
  const queues = new Queues(redis, config.redis.prefix);
  onStop(async () => {
    // Without Redis this does not end.
    if (redis.status === 'ready') await queues.close();
    redis.disconnect();
  });
  await redisAnswers(redis, config.redis.url);
  return { redis, queues };
}

/**
 * Does the work, unless the command is stopped: then it is left to itself, because a command to a Redis that is away waits
 * for it. Gives undefined then.
 */
export async function unlessStopped<T>(
  { signal, stopped }: Context,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const ended = work().catch((error: unknown) => {
    if (!signal.aborted) throw error;
    return undefined;
  });
  return (await Promise.race([ended, stopped])) ?? undefined;
}
