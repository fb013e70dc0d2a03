import { AppError, oneLine } from '../src/base/errors.ts';
import { compareCursors, formatCursor, type Cursor } from '../src/domain/coverage.ts';
import { GOLDSKY_MAX_PAGE, type SubgraphPage } from '../src/sources/goldsky.ts';
import { UpstreamError } from '../src/sources/upstreamError.ts';
import type { FetchGoldskyPayload } from '../queues/payloads.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { holdWhileFull } from './backpressure.ts';
import { chainJobId, nextStep } from './chain.ts';
import { contentHash } from './contentHash.ts';
import type { WorkerContext } from './context.ts';
import type { JobContext, Processor } from './register.ts';

export const GOLDSKY = 'goldsky';

const SMALLEST_PAGE = 50;
/** Without a head from the subgraph, seconds younger than this may still get events. */
const UNSETTLED_S = 10;
/** A subgraph whose newest block is older than this has stopped, or is far behind the chain. */
const STALE_S = 3_600;

/**
 * One request to the subgraph. Order matters: the page becomes a durable job first, then the next fetch, and only
 * then the cursor moves, so that a crash anywhere repeats work and never skips any. A job of a chain that does not
 * carry the tail any more (Redis was emptied, or a newer chain has begun) does nothing.
 */
export function fetchGoldsky(context: WorkerContext): Processor<'fetch.goldsky'> {
  return async (payload, { job, signal }) => {
    const { chainId, tail: lastTail } = await context.sources.read(GOLDSKY);
    if (chainId !== payload.chain.id) return { givenUp: 'another chain carries the tail' };
    await holdWhileFull(context);
    const page = await fetchPage(context, payload, { job, signal });
    const fetchedAt = Date.now();

    const { cursor, chain } = payload;
    const stillFilling = page.sameSecond && !page.full && cursor.position >= newestSecond(page, fetchedAt);
    const behind = (page.full || page.sameSecond) && !stillFilling;
    const next = stillFilling
      ? { position: cursor.position, id: '' }
      : { position: page.next.timestamp, id: page.next.id };
    const to = behind ? next : coveredTo(next, page);
    const range = compareCursors(to, cursor) > 0 ? { from: cursor, to } : null;
    const hash = contentHash(page.records);
    // While the subgraph stands still, each poll reads its newest second again: that page is on its way already.
    const tail = behind ? undefined : `${formatCursor(to)} ${hash}`;
    const isNews = tail === undefined || tail !== lastTail;
    if (isNews && (range !== null || page.records.length > 0)) {
      await context.queues.add(
        'orders',
        'page',
        { source: GOLDSKY, fetchedAt, range, records: page.records },
        { jobId: `${job.id ?? ''}-${hash}` },
      );
    }

    const following = nextStep(chain);
    if (behind) {
      await context.queues.add(
        'fetch.goldsky',
        'tail',
        { cursor: next, chain: following },
        { jobId: chainJobId(GOLDSKY, following), priority: PRIORITY.live },
      );
    }
    await context.sources.advance(GOLDSKY, chain.id, {
      cursor: next,
      chainJobId: behind ? chainJobId(GOLDSKY, following) : job.id,
      tail,
      headTimestamp: page.head?.timestamp,
      problem: staleness(page, fetchedAt),
    });
    return { events: page.records.length, from: formatCursor(cursor), to: formatCursor(to), behind };
  };
}

async function fetchPage(
  context: WorkerContext,
  payload: FetchGoldskyPayload,
  { job, signal }: JobContext,
): Promise<SubgraphPage> {
  const pageSize = payload.pageSize ?? GOLDSKY_MAX_PAGE;
  try {
    return await context.goldsky.fetchPage(
      { timestamp: payload.cursor.position, id: payload.cursor.id },
      { pageSize, ...(signal === undefined ? {} : { signal }) },
    );
  } catch (error) {
    if (error instanceof UpstreamError && error.shrink && pageSize > SMALLEST_PAGE) {
      await job.updateData({ ...payload, pageSize: Math.max(SMALLEST_PAGE, Math.floor(pageSize / 2)) });
    }
    if (error instanceof AppError) await context.sources.update(GOLDSKY, { problem: oneLine(error) });
    throw error;
  }
}

/**
 * The second that may still get events: that of the newest indexed block, or, where the subgraph does not say,
 * a few seconds ago. A burst read to its end in that second is read once more with the next poll.
 */
function newestSecond(page: SubgraphPage, fetchedAt: number): number {
  return page.head?.timestamp ?? Math.floor(fetchedAt / 1000) - UNSETTLED_S;
}

/** A subgraph that has stopped indexing answers as if nothing were traded: said, not taken for quiet. */
function staleness(page: SubgraphPage, fetchedAt: number): string | undefined {
  const head = page.head?.timestamp;
  if (head === undefined || fetchedAt / 1000 - head < STALE_S) return undefined;
  const until = new Date(head * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return `The subgraph has indexed only up to ${until} UTC: nothing newer can come from it.`;
}

/**
 * How far a page that is the newest there is covers: to the block the subgraph has indexed, where it says so.
 * The second of that block itself is read again next time, whole.
 */
function coveredTo(next: Cursor, page: SubgraphPage): Cursor {
  const head = { position: page.head?.timestamp ?? 0, id: '' };
  return compareCursors(head, next) > 0 ? head : next;
}
