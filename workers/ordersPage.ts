import { packedHash, packRecords, type PackedRecords } from '../queues/packedRecords.ts';
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
  { queues }: WorkerContext,
  { name, fetchId, priority }: PageJob,
  page: Omit<OrdersPage, 'records'>,
  records: PackedRecords | readonly unknown[],
): Promise<void> {
  const packed = 'fields' in records ? records : packRecords(records);
  const jobId = `${fetchId ?? ''}-${packedHash(packed)}`;
  await queues.add(
    'orders',
    name,
    { ...page, records: packed },
    { jobId, ...(priority === undefined ? {} : { priority }) },
  );
}
