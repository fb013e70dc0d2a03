import type { Job } from 'bullmq';
import type { OrderSource } from '../src/base/config.ts';
import type { Sample } from '../src/store/coverageSample.ts';
import { fetchQueueOf } from './catalogue.ts';
import { rereadJob } from './payloads.ts';
import type { Queues } from './producer.ts';
import { addReread } from './rereads.ts';

/**
 * Has a covered range asked of its source again and compared with what is stored; the result is a row of `recounts`
 * under this request, or several where the range does not fit in one answer.
 */
export async function addRecount(
  queues: Queues,
  source: OrderSource,
  sample: Sample,
  request: string,
): Promise<void> {
  const cursor = { position: sample.from, id: '' };
  await addReread(queues, source, { reason: 'recount', request, cursor, to: sample.to }, { jobId: request });
}

/** Requests for which the source is still to be asked, for the first time or again. */
export async function recountsUnderWay(queues: Queues, source: OrderSource): Promise<Set<string>> {
  const jobs = await queues
    .get(fetchQueueOf(source))
    .getJobs(['active', 'waiting', 'prioritized', 'delayed']);
  return new Set(
    jobs.flatMap((job: Job | undefined) => {
      // One that has just been finished is gone.
      const payload = rereadJob.safeParse(job?.data).data;
      return payload?.reason === 'recount' ? [payload.request] : [];
    }),
  );
}
