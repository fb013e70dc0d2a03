import { MOST_CANONICAL_BLOCKS } from '../src/sources/polygonTypes.ts';
import { postponeMark, splitMark } from '../src/store/unsettled.ts';
import type { FetchPolygonPayload } from '../queues/payloads.ts';
import { addReread } from '../queues/rereads.ts';
import { holdWhileFull } from './backpressure.ts';
import type { WorkerContext } from './context.ts';
import { POLYGON, requestsOf, stampOf } from './polygonPage.ts';
import { addPage } from './ordersPage.ts';
import type { JobContext } from './register.ts';

type RereadPayload = Extract<FetchPolygonPayload, { kind: 'reread' }>;

/**
 * Asks for blocks again, another node than usual first: what comes back is compared with what is stored (compareBlocks.ts).
 * Blocks that do not fit in one answer go on in a job of their own, with a mark of their own.
 */
export async function rereadBlocks(
  context: WorkerContext,
  payload: RereadPayload,
  jobContext: JobContext,
): Promise<Record<string, unknown>> {
  const { job } = jobContext;
  const { cursor, to, reason, request } = payload;
  await holdWhileFull(context);
  const { cursor: tail } = await context.sources.read(POLYGON);
  let { mark } = payload;
  if (tail !== undefined && to > tail.position) {
    // The tail has its own way with blocks that are not final.
    if (mark !== undefined) await postponeMark(context.database, POLYGON, mark);
    return { reason, notFinal: true };
  }
  const from = cursor.position;
  const requests = requestsOf(context, 'polygon', 'fetch.polygon', jobContext);
  const answer = await requests.ask((options) =>
    context.polygon.fetchLogs({
      ...options,
      from,
      to: Math.min(to, from + MOST_CANONICAL_BLOCKS),
      canonical: true,
      confirm: true,
      rotate: 1 + (mark?.checks ?? 0),
    }),
  );
  const fetchedAt = Date.now();
  if (answer.to < to) {
    let restMark = mark;
    if (mark !== undefined) [mark, restMark] = await splitMark(context.database, POLYGON, mark, answer.to);
    await addReread(
      context.queues,
      POLYGON,
      {
        reason,
        request,
        cursor: { position: answer.to, id: '' },
        to,
        ...(restMark === undefined ? {} : { mark: restMark }),
      },
      { jobId: `${job.id ?? ''}+` },
    );
  }
  await addPage(
    context,
    { name: 'reread', fetchId: job.id },
    {
      source: POLYGON,
      fetchedAt,
      range: null,
      records: answer.logs,
      blocks: answer.blocks.map(stampOf),
      reread: {
        reason,
        request,
        slice: { from: cursor, to: { position: answer.to, id: '' } },
        ...(mark === undefined ? {} : { mark }),
      },
    },
  );
  return { events: answer.logs.length, from, to: answer.to, reason };
}
