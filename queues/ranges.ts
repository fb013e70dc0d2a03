import type { Job } from 'bullmq';
import type { OrderSource } from '../src/base/config.ts';
import type { Cursor } from '../src/domain/coverage.ts';
import type { Span } from '../src/domain/spans.ts';
import { fetchQueueOf, type QueueName } from './catalogue.ts';
import { chainJobId } from './chain.ts';
import { chainedJob } from './payloads.ts';
import type { Queues } from './producer.ts';

/** A past range of a source to be fetched: everything after `from` and before position `to`. */
export interface WantedRange {
  readonly source: OrderSource;
  readonly from: Cursor;
  readonly to: number;
  /** Through the source's transport for bulk history, where it has one. */
  readonly bulk: boolean;
}

/** The queues through which a source's past ranges are fetched. */
export function rangeQueuesOf(source: OrderSource): QueueName[] {
  return source === 'polygon' ? ['fetch.polygon', 'fetch.hypersync'] : [fetchQueueOf(source)];
}

/**
 * Starts a chain of fetch jobs that reads a range. Its pages are covered as they land, in any order: what is missing
 * after a loss is a gap of the coverage.
 * @param chainId the same id, while its first job is still kept, starts nothing twice
 */
export async function addRange(
  queues: Queues,
  { source, from, to, bulk }: WantedRange,
  chainId: string,
  priority: number,
): Promise<void> {
  const chain = { id: chainId, step: 0 };
  const queue = bulk && source === 'polygon' ? 'fetch.hypersync' : fetchQueueOf(source);
  await queues.add(
    queue,
    'range',
    { kind: 'range', cursor: from, to, chain },
    { jobId: chainJobId('range', chain), priority },
  );
}

/** What a chain of fetch jobs has still to read. */
export interface RangeUnderWay extends Span {
  readonly chainId: string;
}

/** Beyond any position: the live tail has no end. */
const NO_END = Number.MAX_SAFE_INTEGER;

/**
 * What chains have still to read of a source: of past ranges, and of the tail. Pages that were read but not written are not
 * among it.
 */
export async function rangesUnderWay(queues: Queues, source: OrderSource): Promise<RangeUnderWay[]> {
  const jobs = await Promise.all(
    rangeQueuesOf(source).map((name) =>
      queues.get(name).getJobs(['active', 'waiting', 'prioritized', 'delayed']),
    ),
  );
  return jobs.flat().flatMap((job: Job | undefined) => {
    // One that has just been finished is gone.
    const payload = chainedJob.safeParse(job?.data).data;
    if (payload === undefined) return [];
    return [
      {
        chainId: payload.chain.id,
        from: payload.cursor,
        to: { position: payload.to ?? NO_END, id: '' },
      },
    ];
  });
}
