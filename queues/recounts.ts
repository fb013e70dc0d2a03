import type { Job } from 'bullmq';
import type { Sample } from '../src/store/coverageSample.ts';
import { PRIORITY } from './catalogue.ts';
import { fetchGoldskyPayload } from './payloads.ts';
import type { Queues } from './producer.ts';

/**
 * Has a covered range asked of its source again and compared with what is stored; the result is a row of `recounts`
 * under this request, or several where the range does not fit in one answer.
 */
export async function addRecount(queues: Queues, sample: Sample, request: string): Promise<void> {
  await queues.add(
    'fetch.goldsky',
    'recount',
    {
      kind: 'reread',
      reason: 'recount',
      request,
      cursor: { position: sample.from, id: '' },
      to: sample.to,
    },
    { jobId: request, priority: PRIORITY.reread },
  );
}

/** Requests for which the source is still to be asked, for the first time or again. */
export async function recountsUnderWay(queues: Queues): Promise<Set<string>> {
  const jobs = await queues.get('fetch.goldsky').getJobs(['active', 'waiting', 'prioritized', 'delayed']);
  return new Set(
    jobs.flatMap((job: Job | undefined) => {
      // One that has just been finished is gone.
      const payload = fetchGoldskyPayload.safeParse(job?.data).data;
      return payload?.kind === 'reread' && payload.reason === 'recount' ? [payload.request] : [];
    }),
  );
}
