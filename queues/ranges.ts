import type { Job } from 'bullmq';
import type { Cursor } from '../src/domain/coverage.ts';
import type { Span } from '../src/domain/spans.ts';
import { chainJobId } from './chain.ts';
import { fetchGoldskyPayload } from './payloads.ts';
import type { Queues } from './producer.ts';

/** A past range of a source to be fetched: everything after `from` and before position `to`. */
export interface WantedRange {
  readonly source: 'goldsky';
  readonly from: Cursor;
  readonly to: number;
}

/** The first job of the chain that fetches a range. */
function rangeJobId(chainId: string): string {
  return chainJobId('range', { id: chainId, step: 0 });
}

/**
 * Starts a chain of fetch jobs that reads a range. Its pages are covered as they land, in any order: what is missing
 * after a loss is a gap of the coverage.
 * @param chainId the same id, while its first job is still kept, starts nothing twice
 */
export async function addRange(
  queues: Queues,
  { from, to }: WantedRange,
  chainId: string,
  priority: number,
): Promise<void> {
  const chain = { id: chainId, step: 0 };
  await queues.add(
    'fetch.goldsky',
    'range',
    { kind: 'range', cursor: from, to, chain },
    { jobId: rangeJobId(chainId), priority },
  );
}

/** What a chain of fetch jobs has still to read. */
export interface RangeUnderWay extends Span {
  readonly chainId: string;
}

/** Beyond any position: the live tail has no end. */
const NO_END = Number.MAX_SAFE_INTEGER;

/** What chains have still to read: of past ranges, and of the tail. Pages that were read but not written are not among it. */
export async function rangesUnderWay(queues: Queues): Promise<RangeUnderWay[]> {
  const jobs = await queues.get('fetch.goldsky').getJobs(['active', 'waiting', 'prioritized', 'delayed']);
  return jobs.flatMap((job: Job | undefined) => {
    // One that has just been finished is gone.
    const payload = fetchGoldskyPayload.safeParse(job?.data).data;
    if (payload === undefined || payload.kind === 'reread') return [];
    const end = payload.kind === 'range' ? payload.to : NO_END;
    return [{ chainId: payload.chain.id, from: payload.cursor, to: { position: end, id: '' } }];
  });
}
