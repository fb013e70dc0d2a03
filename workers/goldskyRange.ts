import { compareCursors, formatCursor, type Cursor } from '../src/domain/coverage.ts';
import type { SubgraphPage } from '../src/sources/goldsky.ts';
import type { FetchGoldskyPayload } from '../queues/payloads.ts';
import { chainJobId, nextStep } from '../queues/chain.ts';
import { holdWhileFull } from './backpressure.ts';
import type { WorkerContext } from './context.ts';
import { GOLDSKY, knownCursor, requestPage, unsettledFrom, unsettledOf } from './goldskyPage.ts';
import { addPage } from './ordersPage.ts';
import type { JobContext } from './register.ts';

type RangePayload = Extract<FetchGoldskyPayload, { kind: 'range' }>;

/** Of what may be held between the fetches and ClickHouse: the rest is left to the tail. */
const SHARE = 0.5;

/**
 * The next page of a past range: first the page, then the next fetch. The chain keeps its place in its jobs alone; a
 * chain that is lost leaves a gap in the coverage, which is seen and fetched again.
 */
export async function fetchRangePage(context: WorkerContext, payload: RangePayload, jobContext: JobContext) {
  const { job } = jobContext;
  const { cursor, chain, to: end } = payload;
  if (cursor.position >= end) return { events: 0, done: true };
  await holdWhileFull(context, SHARE);
  const page = await requestPage(context, payload, jobContext);
  const fetchedAt = Date.now();
  // Also of its pages: those of the tail overtake them.
  const priority = job.opts.priority ?? 0;

  const next = { position: page.next.timestamp, id: page.next.id };
  // A short page alone is no end (a server may give less than was asked for): the end brings nothing new.
  const stands = compareCursors(next, cursor) === 0;
  const done = next.position >= end || (!page.full && stands);
  const to = done ? reachOf(page, next, end) : next;
  const range = compareCursors(to, cursor) > 0 ? { from: cursor, to } : null;
  if (range !== null || page.records.length > 0) {
    await addPage(
      context,
      { name: 'page', fetchId: job.id, priority },
      {
        source: GOLDSKY,
        fetchedAt,
        range,
        records: page.records,
        ...unsettledOf(range, unsettledFrom(page, fetchedAt)),
      },
    );
  }
  if (!done) {
    const following = nextStep(chain);
    const known = knownCursor(page);
    await context.queues.add(
      'fetch.goldsky',
      'range',
      { kind: 'range', cursor: next, to: end, chain: following, ...(known === undefined ? {} : { known }) },
      { jobId: chainJobId('range', following), priority },
    );
  }
  return { events: page.records.length, from: formatCursor(cursor), to: formatCursor(to), done };
}

/** Nothing more follows before the end of the range, or before what the subgraph has indexed. */
function reachOf(page: SubgraphPage, next: Cursor, end: number): Cursor {
  const head = page.head?.timestamp ?? end;
  const reached = { position: Math.min(head, end), id: '' };
  return compareCursors(reached, next) > 0 ? reached : next;
}
