import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { CATALOGUE, QUEUE_NAMES, type QueueDefinition } from './catalogue.ts';
import type { Queues } from './producer.ts';
import { byMember } from './scores.ts';

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
  const looked = QUEUE_NAMES.filter((name) => {
    const definition: QueueDefinition = CATALOGUE[name];
    // Those that come by schedule are the schedulers' (schedulers.ts).
    return definition.repeats !== true;
  }).map((name) => queues.get(name));
  let promoted = 0;
  for (const { queue, ids } of await misdated(redis, looked, Date.now())) {
    for (const id of ids) {
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

/** Ids of the delayed jobs whose time is further away than their delay is long; all queues in one round trip. */
async function misdated(redis: Redis, queues: readonly Queue[], now: number) {
  const lowest = (now + SOON_MS) * SCORE_STEP;
  const looks = redis.pipeline();
  for (const queue of queues) {
    looks.zrevrangebyscore(queue.toKey('delayed'), '+inf', lowest, 'WITHSCORES', 'LIMIT', 0, LOOKED_AT);
  }
  const found = (await looks.exec()) ?? [];
  return await Promise.all(
    queues.map(async (queue, index) => {
      const [error, scores] = found[index] ?? [];
      if (error !== null) throw error ?? new Error('no answer');
      return { queue, ids: await tooFar(redis, queue, scores as string[], now) };
    }),
  );
}

/** @param scores ids, each followed by its score */
async function tooFar(redis: Redis, queue: Queue, scores: readonly string[], now: number): Promise<string[]> {
  const jobs = [...byMember(scores)].map(([id, score]) => ({ id, due: score / SCORE_STEP }));
  const delays = await Promise.all(jobs.map(({ id }) => redis.hget(queue.toKey(id), 'delay')));
  return jobs
    .filter(({ due }, index) => due - now > Number(delays[index] ?? Infinity) + SLACK_MS)
    .map(({ id }) => id);
}
