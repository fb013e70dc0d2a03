import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { displayUrl } from '../base/config.ts';
import { AppError } from '../base/errors.ts';

const PATIENCE_MS = 5_000;

/** A worker waits for Redis without end; a person at a command does not. @throws AppError REDIS_UNAVAILABLE */
export async function redisAnswers(redis: Redis, url: string): Promise<void> {
  const late = sleep(PATIENCE_MS, 'late' as const, { ref: false });
  if ((await Promise.race([redis.ping(), late])) !== 'late') return;
  throw new AppError(
    'REDIS_UNAVAILABLE',
    `Redis does not answer at ${displayUrl(url)}: start it (npm run services).`,
    { retry: 'never' },
  );
}
