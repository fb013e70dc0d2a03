import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { QUEUE_NAMES, type QueueName } from '../../queues/catalogue.ts';
import type { Queues } from '../../queues/producer.ts';

export interface QueueCounts {
  /** All that could start now: plain, prioritized, and those that wait for their children. */
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  /** Left in `failed` now. */
  readonly failed: number;
  /** Completed in all, not only those still kept. */
  readonly completed: number;
}

export const QUEUE_STATES = [
  'waiting',
  'active',
  'delayed',
  'failed',
  'completed',
] as const satisfies readonly (keyof QueueCounts)[];

export interface QueueStatus {
  readonly counts: QueueCounts;
  /** Jobs that were left in `failed`, ever. */
  readonly failedEver: number;
  /** Unix milliseconds at which the oldest waiting job was added; undefined when none waits. */
  readonly oldestWaitingSince: number | undefined;
}

export async function readQueues(queues: Queues, redis: Redis): Promise<Map<QueueName, QueueStatus>> {
  return new Map(
    await Promise.all(
      QUEUE_NAMES.map(async (name) => [name, await readQueue(queues.get(name), redis)] as const),
    ),
  );
}

async function readQueue(queue: Queue, redis: Redis): Promise<QueueStatus> {
  const [counts, completed, failed, oldestWaitingSince] = await Promise.all([
    queue.getJobCounts(
      'waiting',
      'prioritized',
      'waiting-children',
      'active',
      'delayed',
      'failed',
      'completed',
    ),
    queue.getMetrics('completed', 0, 0),
    queue.getMetrics('failed', 0, 0),
    oldestWaiting(queue, redis),
  ]);
  const count = (state: string) => counts[state] ?? 0;
  return {
    counts: {
      waiting: count('waiting') + count('prioritized') + count('waiting-children'),
      active: count('active'),
      delayed: count('delayed'),
      failed: count('failed'),
      completed: Math.max(completed.meta.count, count('completed')),
    },
    failedEver: Math.max(failed.meta.count, count('failed')),
    oldestWaitingSince,
  };
}

/** Scores of prioritized jobs: priority x this + a counter. */
const PRIORITY_STEP = 2 ** 32;
/** The catalogue uses four priorities; a person on the board may add others. */
const MOST_PRIORITIES = 10;

/** Reads timestamps only: through BullMQ each look would bring the job's whole page along. */
async function oldestWaiting(queue: Queue, redis: Redis): Promise<number | undefined> {
  const candidates = [await redis.lindex(queue.toKey('wait'), -1)];
  // Within one priority the first is the oldest, so one look a priority finds the oldest of all.
  let from = 0;
  for (let look = 0; look < MOST_PRIORITIES; look++) {
    const [id, score] = await redis.zrangebyscore(
      queue.toKey('prioritized'),
      from,
      '+inf',
      'WITHSCORES',
      'LIMIT',
      0,
      1,
    );
    if (id === undefined || score === undefined) break;
    candidates.push(id);
    from = (Math.floor(Number(score) / PRIORITY_STEP) + 1) * PRIORITY_STEP;
  }
  const times = await Promise.all(
    candidates.flatMap((id) => (id === null ? [] : [redis.hget(queue.toKey(id), 'timestamp')])),
  );
  const known = times.flatMap((time) => (time === null ? [] : [Number(time)]));
  return known.length === 0 ? undefined : Math.min(...known);
}
