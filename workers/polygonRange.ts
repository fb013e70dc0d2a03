import type { LogsPage } from '../src/sources/polygonTypes.ts';
import type { Payload } from '../queues/catalogue.ts';
import { chainJobId, nextStep } from '../queues/chain.ts';
import { holdWhileFull } from './backpressure.ts';
import type { WorkerContext } from './context.ts';
import { addPages, POLYGON, RECENT_BLOCKS, requestsOf } from './polygonPage.ts';
import type { JobContext } from './register.ts';

type RangePayload = Payload<'fetch.hypersync'>;

/** Of what may be held between the fetches and ClickHouse: the rest is left to the tail. */
const SHARE = 0.5;

/** The next blocks of a past range over JSON-RPC. */
export async function fetchBlockRange(
  context: WorkerContext,
  payload: RangePayload,
  jobContext: JobContext,
): Promise<Record<string, unknown>> {
  const requests = requestsOf(context, 'polygon', 'fetch.polygon', jobContext);
  return await fetchPastBlocks(context, payload, jobContext, 'fetch.polygon', (range) =>
    requests.ask((options) => context.polygon.fetchLogs({ ...range, ...options, confirm: true })),
  );
}

/**
 * The next blocks of a past range: first their pages, then the next fetch. Only blocks that the tail has found to be final:
 * the rest of the range waits for it.
 */
export async function fetchPastBlocks(
  context: WorkerContext,
  { cursor, to, chain }: RangePayload,
  { job }: JobContext,
  queue: 'fetch.polygon' | 'fetch.hypersync',
  fetch: (range: { readonly from: number; readonly to: number }) => Promise<LogsPage>,
): Promise<Record<string, unknown>> {
  const from = cursor.position;
  const { cursor: tail } = await context.sources.read(POLYGON);
  const end = Math.min(to, tail?.position ?? to);
  if (from >= end) return { events: 0, done: true };
  await holdWhileFull(context, SHARE);
  const answer = await fetch({ from, to: end });
  // Also of its pages: those of the tail overtake them.
  const priority = job.opts.priority ?? 0;
  const isUnconfirmed = context.config.polygon.urls.length > 1 && answer.witnesses < 2;
  const isRecent = answer.to > (tail?.position ?? 0) - RECENT_BLOCKS;
  await addPages(context, job.id ?? '', answer, {
    covers: true,
    compares: false,
    // HyperSync is one witness, and stands for many.
    unsettled: queue === 'fetch.polygon' && (isUnconfirmed || isRecent),
    priority,
  });
  const done = answer.to >= to;
  if (!done) {
    const following = nextStep(chain);
    await context.queues.add(
      queue,
      'range',
      { kind: 'range', cursor: { position: answer.to, id: '' }, to, chain: following },
      { jobId: chainJobId('range', following), priority },
    );
  }
  return { events: answer.logs.length, from, to: answer.to, done };
}
