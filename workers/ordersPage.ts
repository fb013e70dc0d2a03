import { packedHash, packRecords } from '../queues/packedRecords.ts';
import type { OrdersPage } from '../queues/payloads.ts';
import type { WorkerContext } from './context.ts';

export interface PageJob {
  /** What the board shows beside the id. */
  readonly name: 'page' | 'reread';
  /** Of what fetched it; the id of the page's own job adds a hash of its records. */
  readonly fetchId: string | undefined;
  readonly priority?: number | undefined;
}

/** Makes a page a durable `orders` job; the same page of the same fetch only once. */
export async function addPage(
  { queues, freshPages }: WorkerContext,
  { name, fetchId, priority }: PageJob,
  { records, ...page }: OrdersPage,
  packed = packRecords(records),
): Promise<void> {
  const jobId = `${fetchId ?? ''}-${packedHash(packed)}`;
  freshPages.note(jobId, records);
  await queues.add(
    'orders',
    name,
    { ...page, records: packed },
    { jobId, ...(priority === undefined ? {} : { priority }) },
  );
}
