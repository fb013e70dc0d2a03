import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { CATALOGUE, QUEUE_NAMES, type QueueDefinition } from './catalogue.ts';
import type { Queues } from './producer.ts';

/** Jobs due within this are left alone, whatever set their time. Milliseconds. */
const SOON_MS = 10_000;
/** The clocks of replicas may differ by this, in milliseconds. */
const SLACK_MS = 5_000;
/** Jobs of a queue looked at in one pass, the furthest away first. */
const LOOKED_AT = 500;
/** BullMQ's score of a delayed job: when it is due, in milliseconds, times this, plus a counter. */
const SCORE_STEP = 4_096;

/**
 * Lets jobs go on that are further from their time than they were told to wait: the clock that set it was ahead, and
 * nobody is to wait until the others are there too.
 * @returns how many these were
 */
export async function promoteMisdated(redis: Redis, queues: Queues): Promise<number> {
  let promoted = 0;
  for (const name of QUEUE_NAMES) {
    const definition: QueueDefinition = CATALOGUE[name];
    // Those that come by schedule are the schedulers' (schedulers.ts).
    if (definition.repeats === true) continue;
    const queue = queues.get(name);
    for (const id of await misdated(redis, queue, Date.now())) {
      const job = await queue.getJob(id);
      // Another replica may have been faster.
      promoted +=
        (await job?.promote().then(
          () => 1,
          () => 0,
        )) ?? 0;
    }
  }
  return promoted;
}

/** Ids of the delayed jobs whose time is further away than their delay is long. */
async function misdated(redis: Redis, queue: Queue, now: number): Promise<string[]> {
  const lowest = (now + SOON_MS) * SCORE_STEP;
  const found = await redis.zrevrangebyscore(
    queue.toKey('delayed'),
    '+inf',
    lowest,
    'WITHSCORES',
    'LIMIT',
    0,
    LOOKED_AT,
  );
  const jobs = found.flatMap((id, index) =>
    index % 2 === 0 ? [{ id, due: Number(found[index + 1]) / SCORE_STEP }] : [],
  );
  const delays = await Promise.all(jobs.map(({ id }) => redis.hget(queue.toKey(id), 'delay')));
  return jobs
    .filter(({ due }, index) => due - now > Number(delays[index] ?? Infinity) + SLACK_MS)
    .map(({ id }) => id);
}
