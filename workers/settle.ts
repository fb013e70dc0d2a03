import { dueRanges } from '../src/store/unsettled.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import type { WorkerContext } from './context.ts';
import { GOLDSKY } from './goldskyPage.ts';

const RANGES_A_TICK = 40;
/** Readings under way at most: the live tail shares its requests with them. */
const MOST_WAITING = 80;
/** A reading that was lost with Redis, or failed, is asked for again after this, in milliseconds. */
const ASK_AGAIN_MS = 60_000;

/** Has ranges that may have changed since they were read (a reorg) read again: those that are due. */
export async function settleRanges(context: WorkerContext): Promise<Record<string, unknown>> {
  const waiting = await context.queues.get('fetch.goldsky').getJobCountByTypes('prioritized', 'delayed');
  if (waiting >= MOST_WAITING) return { waiting };
  const ranges = await dueRanges(context.database, GOLDSKY, RANGES_A_TICK);
  const turn = Math.floor(Date.now() / ASK_AGAIN_MS);
  for (const { from, to, checks, version } of ranges) {
    const request = `settle-${from}-${to}-${version}-${turn}`;
    await context.queues.add(
      'fetch.goldsky',
      'reread',
      {
        kind: 'reread',
        reason: 'settle',
        request,
        cursor: { position: from, id: '' },
        to,
        mark: { from, to, checks, version },
      },
      { jobId: request, priority: PRIORITY.reread },
    );
  }
  return { ranges: ranges.length };
}
