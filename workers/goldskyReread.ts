import { formatCursor, type Cursor } from '../src/domain/coverage.ts';
import type { SubgraphPage } from '../src/sources/goldsky.ts';
import { splitMark } from '../src/store/unsettled.ts';
import type { FetchGoldskyPayload } from '../queues/payloads.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { holdWhileFull } from './backpressure.ts';
import type { WorkerContext } from './context.ts';
import { GOLDSKY, requestPage } from './goldskyPage.ts';
import { addPage } from './ordersPage.ts';
import type { JobContext } from './register.ts';

type RereadPayload = Extract<FetchGoldskyPayload, { kind: 'reread' }>;

/**
 * Asks for a covered range again: what comes back is compared with what is stored (compare.ts). A range that does not
 * fit in one answer goes on in a job of its own, with a mark of its own where it can be cut at a second.
 */
export async function rereadRange(context: WorkerContext, payload: RereadPayload, jobContext: JobContext) {
  const { job } = jobContext;
  const { cursor, to, reason, request, missing } = payload;
  await holdWhileFull(context);
  const page = await requestPage(context, payload, jobContext);
  const fetchedAt = Date.now();

  let { mark } = payload;
  // What was asked again for its missing events has its rest under way already.
  if (goesOn(page, to) && missing === undefined) {
    const rest = { position: page.next.timestamp, id: page.next.id };
    let restMark = mark;
    if (mark !== undefined && rest.id === '') {
      [mark, restMark] = await splitMark(context.database, GOLDSKY, mark, rest.position);
    } else {
      mark = undefined;
    }
    await context.queues.add(
      'fetch.goldsky',
      'reread',
      {
        kind: 'reread',
        reason,
        request,
        cursor: rest,
        to,
        ...(restMark === undefined ? {} : { mark: restMark }),
      },
      { jobId: `${job.id ?? ''}+`, priority: PRIORITY.reread },
    );
  }
  const reached = reachedBy(page, to);
  await addPage(
    context,
    { name: 'reread', fetchId: job.id },
    {
      source: GOLDSKY,
      fetchedAt,
      range: null,
      records: page.records,
      reread: {
        reason,
        request,
        slice: { from: cursor, to: reached },
        ...(mark === undefined ? {} : { mark }),
        ...(missing === undefined ? {} : { missing }),
      },
    },
  );
  return { events: page.records.length, from: formatCursor(cursor), to: formatCursor(reached), reason };
}

/** More may follow: the page was full, or it was the rest of one second and ends with that. */
function goesOn({ full, sameSecond, next }: SubgraphPage, to: number): boolean {
  return (full || sameSecond) && next.timestamp < to;
}

/** How far the answer is all there is: no node knows of events beyond its newest block. */
function reachedBy(page: SubgraphPage, to: number): Cursor {
  if (goesOn(page, to)) return { position: page.next.timestamp, id: page.next.id };
  const beyondHead = page.head === undefined ? to : page.head.timestamp + 1;
  return { position: Math.min(to, beyondHead), id: '' };
}
