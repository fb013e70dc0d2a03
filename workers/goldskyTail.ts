import { compareCursors, formatCursor, type Cursor } from '../src/domain/coverage.ts';
import type { SubgraphPage } from '../src/sources/goldsky.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { chainJobId, nextStep } from '../queues/chain.ts';
import { packedHash, packRecords } from '../queues/packedRecords.ts';
import type { FetchGoldskyPayload } from '../queues/payloads.ts';
import type { SourceStateRead } from '../queues/sourceState.ts';
import { holdWhileFull, whyFull } from './backpressure.ts';
import type { WorkerContext } from './context.ts';
import { GOLDSKY, knownCursor, requestPage, sendRequest, unsettledFrom, unsettledOf } from './goldskyPage.ts';
import { addPage } from './ordersPage.ts';
import { movedOn, type JobContext } from './register.ts';

type TailPayload = Extract<FetchGoldskyPayload, { kind: 'tail' }>;

/** Without a head from the subgraph, seconds younger than this may still get events. */
const UNSETTLED_S = 10;
/** A subgraph whose newest block is older than this has stopped, or is far behind the chain. */
const STALE_S = 3_600;
/** Pages that one job reads at most while there are more: then another worker may go on. */
const MOST_PAGES = 50;
/** Whether there is room for more is looked at with every so many pages: they are a fortieth of what may wait. */
const LOOK_EVERY_PAGES = 5;

/**
 * The next pages of the live tail: one, or while there are more several, each asked for while the one before is put
 * away. Order matters: a page becomes a durable job first, then the cursor moves, so that a crash anywhere repeats work
 * and never skips any: what is done again goes on at the cursor. A job of a chain that does not carry the tail any more
 * (Redis was emptied, or a newer chain has begun) does nothing.
 */
export async function fetchTail(context: WorkerContext, payload: TailPayload, jobContext: JobContext) {
  const { job, signal } = jobContext;
  const state = await context.sources.read(GOLDSKY);
  if (state.chainId !== payload.chain.id) return { givenUp: 'another chain carries the tail' };
  await holdWhileFull(context);
  let asked = fromCursor(payload, state);
  // Only the newest page there was says that nothing follows it up to its head.
  const quietUntil = state.tail === undefined ? undefined : state.headTimestamp;
  let page = await requestPage(context, asked, jobContext, { quietUntil });
  let last: LastPage = state;
  let events = 0;
  for (let pages = 1; ; pages++) {
    const read = readingOf(page, asked.cursor, Date.now());
    const following = nextAsked(asked, read);
    const goesOn =
      read.behind &&
      pages < MOST_PAGES &&
      signal?.aborted !== true &&
      (pages % LOOK_EVERY_PAGES !== 0 || (await whyFull(context)) === undefined);
    const coming = goesOn ? sendRequest(context, following, jobContext, { starts: false }) : undefined;
    // Its outcome is looked at when this page is put away.
    coming?.catch(() => undefined);

    const tail = await putAway(context, job.id, read, last);
    const nextJob = { ...following, chain: nextStep(payload.chain) };
    const moved = await context.sources.advance(
      GOLDSKY,
      { chainId: payload.chain.id, cursor: asked.cursor, life: state.life },
      {
        cursor: read.next,
        known: following.known,
        chainJobId: read.behind && !goesOn ? chainJobId(GOLDSKY, nextJob.chain) : job.id,
        tail,
        headTimestamp: page.head?.timestamp,
        problem: staleness(page, read.fetchedAt),
      },
    );
    if (!moved) return { givenUp: 'the tail has moved on, or Redis was restarted: the next poll goes on' };
    events += page.records.length;
    if (coming === undefined) {
      if (read.behind) await addTail(context, nextJob);
      const [from, to] = [formatCursor(payload.cursor), formatCursor(read.to)];
      return { events, ...(pages === 1 ? {} : { pages }), from, to, behind: read.behind };
    }
    asked = following;
    last = {};
    try {
      page = await requestPage(context, asked, jobContext, { coming });
    } catch (error) {
      await movedOn(job);
      throw error;
    }
  }
}

/** What the job has to ask for, done again perhaps after it has moved the cursor itself. */
function fromCursor(payload: TailPayload, { cursor, known }: SourceStateRead): TailPayload {
  if (cursor === undefined || compareCursors(cursor, payload.cursor) <= 0) return payload;
  return { kind: 'tail', cursor, chain: payload.chain, ...(known === undefined ? {} : { known }) };
}

/** How a page of the tail is to be taken. */
interface Reading {
  readonly page: SubgraphPage;
  /** Milliseconds. */
  readonly fetchedAt: number;
  readonly from: Cursor;
  /** Where the next request begins, and how far the page covers. */
  readonly next: Cursor;
  readonly to: Cursor;
  /** There is more, now. */
  readonly behind: boolean;
  /** A second that may still get events was read to its end. */
  readonly stillFilling: boolean;
}

function readingOf(page: SubgraphPage, from: Cursor, fetchedAt: number): Reading {
  const stillFilling = page.sameSecond && !page.full && from.position >= newestSecond(page, fetchedAt);
  const behind = (page.full || page.sameSecond) && !stillFilling;
  const next = stillFilling
    ? { position: from.position, id: '' }
    : { position: page.next.timestamp, id: page.next.id };
  // A server may give less than it was asked for: only an answer that brings nothing new says that nothing follows.
  const bringsMore = behind || compareCursors(next, from) > 0;
  return { page, fetchedAt, from, next, to: bringsMore ? next : coveredTo(next, page), behind, stillFilling };
}

function nextAsked({ chain }: TailPayload, { page, from, next, stillFilling }: Reading): TailPayload {
  const known = stillFilling ? from : knownCursor(page);
  return { kind: 'tail', cursor: next, chain, ...(known === undefined ? {} : { known }) };
}

/** What is known of the page before, where nothing followed it. */
type LastPage = Partial<Pick<SourceStateRead, 'tail' | 'headTimestamp'>>;

/** Makes the page a durable job, where it says something new. Gives what it is known by, where nothing follows it. */
async function putAway(
  context: WorkerContext,
  fetchId: string | undefined,
  { page, fetchedAt, from, to, behind }: Reading,
  last: LastPage,
): Promise<string | undefined> {
  const range = compareCursors(to, from) > 0 ? { from, to } : null;
  const packed = packRecords(page.records);
  const hash = packedHash(packed);
  // While the subgraph stands still, each poll reads its newest second again: that page is on its way already.
  const tail = behind ? undefined : `${formatCursor(to)} ${hash}`;
  const isNews = tail === undefined || tail !== last.tail;
  if (isNews && (range !== null || page.records.length > 0)) {
    // Without a new event only the time since the last head is new: what lies before is not marked again and again.
    const isQuiet = !behind && last.tail?.endsWith(` ${hash}`) === true;
    const unsettled = Math.max(unsettledFrom(page, fetchedAt), isQuiet ? (last.headTimestamp ?? 0) : 0);
    await addPage(
      context,
      { name: 'page', fetchId: `${fetchId ?? ''}-${from.position}` },
      { source: GOLDSKY, fetchedAt, range, records: page.records, ...unsettledOf(range, unsettled) },
      packed,
    );
  }
  return tail;
}

async function addTail(context: WorkerContext, payload: TailPayload): Promise<void> {
  const jobId = chainJobId(GOLDSKY, payload.chain);
  await context.queues.add('fetch.goldsky', 'tail', payload, { jobId, priority: PRIORITY.live });
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
