import { Redis } from 'ioredis';
import { QUEUE_NAMES } from '../../queues/catalogue.ts';
import { Queues } from '../../queues/producer.ts';

/** Jobs that wait for a person, by queue; only queues that have some. */
export async function failedJobs(redisUrl: string, prefix: string): Promise<Record<string, number>> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queues = new Queues(redis, prefix);
  try {
    const counts = await Promise.all(
      QUEUE_NAMES.map(async (name) => [name, await queues.get(name).getFailedCount()] as const),
    );
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  } finally {
    await queues.close();
    redis.disconnect();
  }
}
