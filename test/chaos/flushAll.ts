import { Redis } from 'ioredis';

/** Empties Redis; false where it does not answer. */
export async function flushAll(url: string): Promise<boolean> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return (await redis.flushall()) === 'OK';
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}
