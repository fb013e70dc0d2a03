import type { Job } from 'bullmq';
import type { OrderSource } from '../base/config.ts';
import { rangeQueuesOf } from '../../queues/ranges.ts';
import type { Queues } from '../../queues/producer.ts';

/**
 * What was asked for and is not seen is lost when this has passed, in milliseconds: its pages may be on their way. With
 * nothing on its way, the shorter one.
 */
export const PATIENCE_MS = 30_000;
export const PATIENCE_IDLE_MS = 3_000;

/** Failed jobs looked through. */
const LOOKED_AT = 100;

/** Why the job whose id holds this name is left in `failed`; undefined where none is: then it is gone. */
export async function failureOf(
  queues: Queues,
  source: OrderSource,
  name: string,
): Promise<string | undefined> {
  const failed = await Promise.all(
    rangeQueuesOf(source).map((queue) => queues.get(queue).getJobs(['failed'], 0, LOOKED_AT)),
  );
  return failed.flat().find((job: Job | undefined) => job?.id?.includes(name))?.failedReason;
}
