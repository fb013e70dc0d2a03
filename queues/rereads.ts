import type { OrderSource } from '../src/base/config.ts';
import { fetchQueueOf, PRIORITY } from './catalogue.ts';
import type { RereadJob } from './payloads.ts';
import type { AddOptions, Queues } from './producer.ts';

/** Has a covered range of a source read again and compared with what is stored. */
export async function addReread(
  queues: Queues,
  source: OrderSource,
  reread: Omit<RereadJob, 'kind'>,
  options: Pick<AddOptions, 'jobId' | 'delayMs'>,
): Promise<void> {
  const jobName = reread.reason === 'recount' ? 'recount' : 'reread';
  await queues.add(
    fetchQueueOf(source),
    jobName,
    { kind: 'reread', ...reread },
    { priority: PRIORITY.reread, ...options },
  );
}
