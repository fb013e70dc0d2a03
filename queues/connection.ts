import { Redis } from 'ioredis';
import { displayUrl } from '../src/base/config.ts';
import { oneLine } from '../src/base/errors.ts';
import type { Logger } from '../src/base/log.ts';

/**
 * A connection that waits for Redis: commands are held while it is away and the client comes back by itself
 * within 2 s of Redis' return. One clear line when Redis goes and one when it is back, not one a try.
 */
export function connectRedis(url: string, logger: Logger): Redis {
  const redis = new Redis(url, {
    // BullMQ needs null: a blocking command must not give up.
    maxRetriesPerRequest: null,
    retryStrategy: (tries: number) => Math.min(200 * tries, 2_000),
    keepAlive: 10_000,
  });
  let away = false;
  redis.on('error', (error: Error) => {
    if (away) return;
    away = true;
    logger.warn(
      `Redis does not answer at ${displayUrl(url)} (${oneLine(error)}): trying again until it does.`,
    );
  });
  redis.on('ready', () => {
    if (away) logger.info(`Redis answers again at ${displayUrl(url)}.`);
    away = false;
  });
  return redis;
}
