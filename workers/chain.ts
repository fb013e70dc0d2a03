import type { Queues } from '../queues/producer.ts';
import type { QueueName } from '../queues/catalogue.ts';

/** A chain whose job failed is started again by its tick, but not at once: a person may be looking at it. */
const FAILED_PAUSE_MS = 60_000;

const AT_WORK = new Set(['active', 'waiting', 'delayed', 'prioritized', 'waiting-children']);

/**
 * Whether the fetch chain that this job carries still goes on, or failed so recently that it should be left alone.
 * A chain adds its next job before it says so, so between the two the old job is still the one at work.
 */
export async function chainIsBusy(
  queues: Queues,
  name: QueueName,
  jobId: string | undefined,
): Promise<boolean> {
  if (jobId === undefined) return false;
  const job = await queues.get(name).getJob(jobId);
  if (job === undefined) return false;
  const state = await job.getState();
  if (state === 'failed') {
    const since = Date.now() - (job.finishedOn ?? 0);
    // A failure in the future: the clock was set back.
    return since >= 0 && since < FAILED_PAUSE_MS;
  }
  return AT_WORK.has(state);
}
