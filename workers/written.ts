import type { Redis } from 'ioredis';
import type { Queues } from '../queues/producer.ts';

/**
 * A text that changes with every job of these queues that has written something: what BullMQ counts of them. The same text
 * twice: nothing was written through them between the two.
 */
export async function writtenSoFar(
  redis: Redis,
  queues: Queues,
  names: readonly ('orders' | 'writes')[],
): Promise<string> {
  const counts = names.map((name) => redis.hget(queues.get(name).toKey('metrics:completed'), 'count'));
  return (await Promise.all(counts)).join(' ');
}
