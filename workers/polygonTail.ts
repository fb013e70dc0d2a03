import { MOST_CANONICAL_BLOCKS, type Heads, type LogsPage } from '../src/sources/polygonTypes.ts';
import type { FetchPolygonPayload } from '../queues/payloads.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { chainJobId, nextStep } from '../queues/chain.ts';
import type { HeadRead } from '../queues/sourceState.ts';
import { holdWhileFull } from './backpressure.ts';
import type { WorkerContext } from './context.ts';
import { addPages, POLYGON, RECENT_BLOCKS, requestsOf, type Requests } from './polygonPage.ts';
import type { JobContext } from './register.ts';

type TailPayload = Extract<FetchPolygonPayload, { kind: 'tail' }>;

/** How long the newest blocks are compared with each poll after a reorg, in milliseconds. */
const COMPARE_MS = 15_000;
/** Nodes whose newest block is older than this stand still, or are far behind, in seconds. */
const STALE_S = 120;

/**
 * One step of the live tail. What is final after the cursor is read for good: it is covered, and the cursor moves. Newer
 * blocks are read as well, once, so that their trades are there at once; they cover nothing, and are read again when
 * they are final, or when the newest of them is not the chain's any more (a reorg), and compared then by block hash.
 *
 * Order matters: pages become durable jobs first, then the cursor moves, then the next fetch is added.
 */
export async function fetchTail(
  context: WorkerContext,
  { cursor, chain }: TailPayload,
  jobContext: JobContext,
): Promise<Record<string, unknown>> {
  const { job } = jobContext;
  const { chainId, life, headRead, headBlock = 0 } = await context.sources.read(POLYGON);
  if (chainId !== chain.id) return { givenUp: 'another chain carries the tail' };
  await holdWhileFull(context);
  const requests = requestsOf(context, 'polygon', 'fetch.polygon', jobContext);
  const heads = await requests.ask((options) =>
    context.polygon.heads({ ...options, ...(headRead === undefined ? {} : { also: headRead.number }) }),
  );
  const step: Step = { context, requests, heads, headRead, jobId: job.id ?? '' };
  const { reached, behind, newest } = await readBoth(step, cursor.position);

  const following = nextStep(chain);
  const { latest } = heads;
  const moved = await context.sources.advance(
    POLYGON,
    { chainId: chain.id, cursor, life },
    {
      cursor: { position: reached, id: '' },
      chainJobId: behind ? chainJobId(POLYGON, following) : job.id,
      headRead: newest,
      ...(latest.number >= headBlock ? { headBlock: latest.number, headTimestamp: latest.timestamp } : {}),
      problem: staleness(heads),
    },
  );
  if (!moved) return { givenUp: 'the tail has moved on, or Redis was restarted: the next poll goes on' };
  if (behind) {
    await context.queues.add(
      'fetch.polygon',
      'tail',
      { kind: 'tail', cursor: { position: reached, id: '' }, chain: following },
      { jobId: chainJobId(POLYGON, following), priority: PRIORITY.live },
    );
  }
  return { from: cursor.position, finalBefore: reached, newest: newest?.number ?? null, behind };
}

interface Step {
  readonly context: WorkerContext;
  readonly requests: Requests;
  readonly heads: Heads;
  /** How far was read before beyond the final blocks. */
  readonly headRead: HeadRead | undefined;
  readonly jobId: string;
}

/** The final blocks from `from` on, and the newest ones: both at once, where nothing about the newest depends on the final. */
async function readBoth(step: Step, from: number) {
  const { heads, headRead } = step;
  const reading =
    headRead !== undefined && isAhead(step, headRead) ? readOn(step, headRead.number + 1) : undefined;
  // Pages that one of them adds are not to come after the job has failed of the other.
  const [final] = await Promise.allSettled([readFinal(step, from), reading]);
  if (final.status === 'rejected') throw final.reason;
  const reached = final.value;
  const behind = reached <= heads.finalized.number;
  if (reading !== undefined) return { reached, behind, newest: await reading };
  return { reached, behind, newest: behind ? headRead : await readNewest(step, reached) };
}

/** The newest blocks go on where they ended: beyond the final ones, of the same branch, and none is compared. */
function isAhead({ context, heads }: Step, { number, hash, compared }: HeadRead): boolean {
  return (
    context.config.polygon.head !== 'finalized' &&
    number >= heads.finalized.number &&
    number <= heads.latest.number &&
    hash === heads.also?.hash &&
    (compared === undefined || Date.now() >= compared.until)
  );
}

/** Reads final blocks from `from` on. @returns the first block that was not read */
async function readFinal(step: Step, from: number): Promise<number> {
  const { context, requests, heads, jobId } = step;
  const { latest, finalized } = heads;
  if (from > finalized.number) return from;
  const { to, compares } = nextFinal(step, from);
  const answer = await requests.ask((options) =>
    context.polygon.fetchLogs({ ...options, from, to, canonical: compares, confirm: true }),
  );
  await addPages(context, `${jobId}-final`, answer, {
    covers: true,
    compares,
    unsettled: answer.to > latest.number - RECENT_BLOCKS,
  });
  return answer.to;
}

/** Final blocks to be read next, and whether they may have been read before they were final: perhaps as other blocks. */
function nextFinal(
  { context, heads, headRead }: Step,
  from: number,
): { readonly to: number; readonly compares: boolean } {
  const end = heads.finalized.number + 1;
  const compared = { to: Math.min(end, from + MOST_CANONICAL_BLOCKS), compares: true };
  if (headRead !== undefined) return headRead.number >= from ? compared : { to: end, compares: false };
  if (context.config.polygon.head === 'finalized') return { to: end, compares: false };
  // Redis has lost how far was read: any of the recent ones.
  const recent = heads.latest.number - RECENT_BLOCKS;
  return from >= recent ? compared : { to: Math.min(end, recent), compares: false };
}

/** Reads blocks that are not final yet and were not read before. @returns how far was read */
async function readNewest(step: Step, finalBefore: number): Promise<HeadRead | undefined> {
  const { heads, headRead } = step;
  const { latest } = heads;
  if (step.context.config.polygon.head === 'finalized') return undefined;
  // A node that is behind the one that answered before tells nothing.
  if (headRead !== undefined && latest.number < headRead.number) return headRead;
  if (headRead === undefined || heads.also?.hash !== headRead.hash) {
    // Not known (a loss of Redis), or of a branch that is gone.
    return await compareNewest(step, finalBefore, { to: latest.number + 1, until: Date.now() + COMPARE_MS });
  }
  const { compared } = headRead;
  if (compared !== undefined && compared.to > finalBefore && Date.now() < compared.until) {
    return await compareNewest(step, finalBefore, compared);
  }
  return await readOn(step, Math.max(finalBefore, headRead.number + 1));
}

/**
 * Reads the newest blocks once more and compares them with what is stored: after a reorg for a while with each poll, because
 * pages that were read of the other branch may still be on their way.
 */
async function compareNewest(
  step: Step,
  finalBefore: number,
  compared: NonNullable<HeadRead['compared']>,
): Promise<HeadRead | undefined> {
  const { latest } = step.heads;
  const from = Math.max(finalBefore, latest.number + 1 - MOST_CANONICAL_BLOCKS);
  const newest = await readOn(step, from, true);
  return newest === undefined ? undefined : { ...newest, compared };
}

/** The blocks from `from` on, as many as are compared at once. */
async function readOn(
  { context, requests, heads, headRead, jobId }: Step,
  from: number,
  compares = false,
): Promise<HeadRead | undefined> {
  const to = Math.min(heads.latest.number + 1, from + MOST_CANONICAL_BLOCKS);
  if (from >= to) return headRead;
  const answer = await requests.ask((options) =>
    context.polygon.fetchLogs({ ...options, from, to, canonical: true }),
  );
  // A reorg since the heads were asked for: the next poll sees it, and compares.
  if (!compares && headRead !== undefined && !follows(answer, headRead)) return headRead;
  await addPages(context, `${jobId}-new`, answer, { covers: false, compares, unsettled: true });
  const newest = answer.blocks.at(-1);
  return newest === undefined ? headRead : { number: newest.number, hash: newest.hash };
}

/** False where the first block's parent is another one than the block before it, as it was read. */
function follows({ blocks: [first] }: LogsPage, { number, hash }: HeadRead): boolean {
  return (
    first === undefined || first.number !== number + 1 || first.parentHash === '' || first.parentHash === hash
  );
}

/** Nodes that stand still answer as if nothing were traded: said, not taken for quiet. */
function staleness({ latest }: Heads): string | undefined {
  if (Date.now() / 1000 - latest.timestamp < STALE_S) return undefined;
  const since = new Date(latest.timestamp * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return `The newest block of the Polygon nodes (${latest.number}) is of ${since} UTC: nothing newer can come from them. Check POLYGON_RPC_URL.`;
}
