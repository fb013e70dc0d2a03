import type { OrderSource } from '../src/base/config.ts';
import { dueRanges } from '../src/store/unsettled.ts';
import { fetchQueueOf } from '../queues/catalogue.ts';
import { addReread } from '../queues/rereads.ts';
import type { WorkerContext } from './context.ts';
import type { Look, Looks } from './looks.ts';

const RANGES_A_TICK = 40;
/** Readings of a source under way at most: the live tail shares its requests with them. */
const MOST_WAITING = 80;
/** A reading that was lost with Redis, or failed, is asked for again after this, in milliseconds. */
const ASK_AGAIN_MS = 60_000;

/** Has ranges that may have changed since they were read (a reorg) read again: those that are due. */
export async function settleRanges(context: WorkerContext, looks: Looks): Promise<Record<string, unknown>> {
  const ranges: Record<string, unknown> = {};
  for (const source of context.config.orderSources) {
    ranges[source] = await looks.make(`settle ${source}`, () => settleRangesOf(context, source));
  }
  return ranges;
}

async function settleRangesOf(context: WorkerContext, source: OrderSource): Promise<Look<number>> {
  const queue = context.queues.get(fetchQueueOf(source));
  if ((await queue.getJobCountByTypes('prioritized', 'delayed')) >= MOST_WAITING)
    return { found: 0, quietMs: 0 };
  const { ranges, nextMs } = await dueRanges(context.database, source, RANGES_A_TICK);
  const turn = Math.floor(Date.now() / ASK_AGAIN_MS);
  for (const { from, to, checks, version } of ranges) {
    const request = `settle-${from}-${to}-${version}-${turn}`;
    const cursor = { position: from, id: '' };
    const mark = { from, to, checks, version };
    await addReread(
      context.queues,
      source,
      { reason: 'settle', request, cursor, to, mark },
      { jobId: request },
    );
  }
  return { found: ranges.length, quietMs: ranges.length > 0 ? 0 : nextMs };
}
