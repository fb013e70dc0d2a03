import type { Sample } from '../src/store/coverageSample.ts';
import { PRIORITY } from './catalogue.ts';
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
