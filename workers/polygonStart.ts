import { coveredEnd, recordStart } from '../src/store/coverage.ts';
import { recordScope } from '../src/store/scope.ts';
import type { FetchPolygonPayload } from '../queues/payloads.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { chainJobId, nextStep } from '../queues/chain.ts';
import type { WorkerContext } from './context.ts';
import { POLYGON, requestsOf } from './polygonPage.ts';
import type { JobContext } from './register.ts';

type StartPayload = Extract<FetchPolygonPayload, { kind: 'start' }>;

const ONE_HOUR_S = 3_600;

/**
 * Begins the live tail where nothing is covered yet: at the configured block, or the one of an hour ago. That start becomes
 * the first covered place, so that it is not forgotten before its first page is written.
 */
export async function startTail(
  context: WorkerContext,
  { chain }: StartPayload,
  jobContext: JobContext,
): Promise<Record<string, unknown>> {
  const state = await context.sources.read(POLYGON);
  if (state.chainId !== chain.id) return { givenUp: 'another chain carries the tail' };
  const cursor = (await coveredEnd(context.database, POLYGON)) ?? (await firstStart(context, jobContext));
  const following = nextStep(chain);
  const jobId = chainJobId(POLYGON, following);
  const begun = { cursor, chainJobId: jobId, problem: undefined };
  if (!(await context.sources.advance(POLYGON, state, begun))) return { givenUp: 'the tail has begun' };
  await context.queues.add(
    'fetch.polygon',
    'tail',
    { kind: 'tail', cursor, chain: following },
    { jobId, priority: PRIORITY.live },
  );
  return { from: cursor.position };
}

async function firstStart(context: WorkerContext, jobContext: JobContext) {
  const { start, exchanges } = context.config.polygon;
  const requests = requestsOf(context, 'polygon', 'fetch.polygon', jobContext);
  const second = Math.floor(Date.now() / 1000) - ONE_HOUR_S;
  const block = start ?? (await requests.ask((options) => context.polygon.blockAt(second, options))).number;
  const cursor = { position: block, id: '' };
  await recordScope(context.database, POLYGON, block, exchanges);
  await recordStart(context.database, POLYGON, cursor);
  return cursor;
}
