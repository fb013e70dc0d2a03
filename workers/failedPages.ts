import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import { CATALOGUE, QUEUE_NAMES, type QueueDefinition, type QueueName } from '../queues/catalogue.ts';
import { isPageQueue } from '../queues/backlog.ts';
import { isPayloadProblem } from '../queues/producer.ts';
import { byMember } from '../queues/scores.ts';
import type { WorkerContext } from './context.ts';

export interface RecoverOptions {
  /** From a page's failure to the next try, in milliseconds; doubles with each. Whoever looks at the board goes first. */
  readonly firstPauseMs?: number;
}

const FIRST_PAUSE_MS = 120_000;
const LONGEST_PAUSE_MS = 1_800_000;
/** Pages of a queue tried again in one tick at most. */
const MOST_A_TICK = 20;
/** How long the first of them is given to show how it goes, in milliseconds. */
const PROBE_MS = 10_000;
const LOOK_MS = 100;
/** How long a failed job that holds no page is shown, in milliseconds. */
const SHOWN_MS = 3_600_000;

/**
 * Tries failed pages again, the oldest first: one of each queue, and more only when that one has worked, so that what is
 * still broken is not hammered. Pages that can never work are left. Other failed jobs (a poll, a fetch) have
 * been made up for by later ones: they are shown for an hour.
 */
export async function recoverFailed(
  context: WorkerContext,
  options: RecoverOptions = {},
): Promise<Record<string, unknown>> {
  const retried: Record<string, number> = {};
  for (const name of QUEUE_NAMES) {
    if (isPageQueue(name)) retried[name] = await retryPages(context, name, options);
    else await context.queues.get(name).clean(SHOWN_MS, 1_000, 'failed');
  }
  return retried;
}

async function retryPages(
  context: WorkerContext,
  name: QueueName,
  { firstPauseMs = FIRST_PAUSE_MS }: RecoverOptions,
): Promise<number> {
  const queue = context.queues.get(name);
  const [probe, ...others] = await duePages(context, name, firstPauseMs);
  if (probe === undefined || !(await retry(queue, probe))) return 0;
  if (!(await works(queue, probe))) return 1;
  for (const id of others.slice(0, MOST_A_TICK - 1)) await retry(queue, id);
  return 1 + Math.min(others.length, MOST_A_TICK - 1);
}

/** Ids of the failed pages whose pause is over, the one that failed first before the others. */
async function duePages(
  { redis, queues }: WorkerContext,
  name: QueueName,
  firstPauseMs: number,
): Promise<string[]> {
  const queue = queues.get(name);
  const found = await redis.zrange(queue.toKey('failed'), '0', '-1', 'WITHSCORES');
  const failed = [...byMember(found)].map(([id, failedAt]) => ({ id, failedAt }));
  const states = await Promise.all(
    failed.map(({ id }) => redis.hmget(queue.toKey(id), 'atm', 'failedReason')),
  );
  const { attempts }: QueueDefinition = CATALOGUE[name];
  const now = Date.now();
  return failed
    .filter(({ failedAt }, index) => {
      const [made, reason] = states[index] ?? [];
      if (isPayloadProblem(reason ?? '')) return false;
      // Each try after the first ones is one attempt.
      const tries = Math.min(20, Math.max(0, Number(made ?? 0) - attempts));
      const pause = Math.min(Math.max(firstPauseMs, LONGEST_PAUSE_MS), firstPauseMs * 2 ** tries);
      // A failure in the future: the clock was set back.
      return failedAt + pause <= now || failedAt > now + pause;
    })
    .map(({ id }) => id);
}

/** False when somebody else has retried or removed it. */
async function retry(queue: Queue, id: string): Promise<boolean> {
  const job = await queue.getJob(id);
  if (job === undefined) return false;
  return await job.retry('failed').then(
    () => true,
    () => false,
  );
}

/** Waits a while for a job that was just retried. */
async function works(queue: Queue, id: string): Promise<boolean> {
  const end = performance.now() + PROBE_MS;
  while (performance.now() < end) {
    const state = await queue.getJobState(id);
    // Finished jobs are soon not kept any more.
    if (state === 'completed' || state === 'unknown') return true;
    // Waiting for something that is away, or failed again.
    if (state === 'failed' || state === 'delayed') return false;
    await sleep(LOOK_MS);
  }
  return false;
}
