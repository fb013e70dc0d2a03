import { compareCursors, formatCursor, type Cursor } from '../src/domain/coverage.ts';
import type { SubgraphPage } from '../src/sources/goldsky.ts';
import type { FetchGoldskyPayload } from '../queues/payloads.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { chainJobId, nextStep } from '../queues/chain.ts';
import { holdWhileFull } from './backpressure.ts';
import { contentHash } from './contentHash.ts';
import type { WorkerContext } from './context.ts';
import { GOLDSKY, knownCursor, requestPage, unsettledFrom, unsettledOf } from './goldskyPage.ts';
import { fetchRangePage } from './goldskyRange.ts';
import { rereadRange } from './goldskyReread.ts';
import type { JobContext, Processor } from './register.ts';

type TailPayload = Extract<FetchGoldskyPayload, { kind: 'tail' }>;

/** Without a head from the subgraph, seconds younger than this may still get events. */
const UNSETTLED_S = 10;
/** A subgraph whose newest block is older than this has stopped, or is far behind the chain. */
const STALE_S = 3_600;

/** One request to the subgraph: the next page of the live tail, of a past range, or a range read again. */
export function fetchGoldsky(context: WorkerContext): Processor<'fetch.goldsky'> {
  return async (payload, jobContext) => {
    switch (payload.kind) {
      case 'tail':
        return await fetchTailPage(context, payload, jobContext);
      case 'range':
        return await fetchRangePage(context, payload, jobContext);
      case 'reread':
        return await rereadRange(context, payload, jobContext);
    }
  };
}

/**
 * Order matters: the page becomes a durable job first, then the cursor moves, then the next fetch is added, so that a
 * crash anywhere repeats work and never skips any. A job of a chain that does not carry the tail any more (Redis was
 * emptied, or a newer chain has begun) does nothing.
 */
async function fetchTailPage(context: WorkerContext, payload: TailPayload, jobContext: JobContext) {
  const { job } = jobContext;
  const { chainId, life, tail: lastTail, headTimestamp: lastHead } = await context.sources.read(GOLDSKY);
  if (chainId !== payload.chain.id) return { givenUp: 'another chain carries the tail' };
  await holdWhileFull(context);
  // Only the newest page there was says that nothing follows it up to its head.
  const quietUntil = lastTail === undefined ? undefined : lastHead;
  const page = await requestPage(context, payload, jobContext, quietUntil);
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
  // Without a new event only the time since the last head is new: what lies before is not marked again and again.
  const isQuiet = !behind && lastTail?.endsWith(` ${hash}`) === true;
  if (isNews && (range !== null || page.records.length > 0)) {
    await context.queues.add(
      'orders',
      'page',
      {
        source: GOLDSKY,
        fetchedAt,
        range,
        records: page.records,
        ...unsettledOf(range, Math.max(unsettledFrom(page, fetchedAt), isQuiet ? (lastHead ?? 0) : 0)),
      },
      { jobId: `${job.id ?? ''}-${hash}` },
    );
  }

  const following = nextStep(chain);
  const known = stillFilling ? cursor : knownCursor(page);
  const moved = await context.sources.advance(
    GOLDSKY,
    { chainId: chain.id, cursor, life },
    {
      cursor: next,
      known,
      chainJobId: behind ? chainJobId(GOLDSKY, following) : job.id,
      tail,
      headTimestamp: page.head?.timestamp,
      problem: staleness(page, fetchedAt),
    },
  );
  if (!moved) return { givenUp: 'the tail has moved on, or Redis was restarted: the next poll goes on' };
  if (behind) {
    await context.queues.add(
      'fetch.goldsky',
      'tail',
      { kind: 'tail', cursor: next, chain: following, ...(known === undefined ? {} : { known }) },
      { jobId: chainJobId(GOLDSKY, following), priority: PRIORITY.live },
    );
  }
  return { events: page.records.length, from: formatCursor(cursor), to: formatCursor(to), behind };
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
