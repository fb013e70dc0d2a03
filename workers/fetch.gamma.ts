import { chunksOf } from '../src/base/chunks.ts';
import { parseMarket } from '../src/domain/parseMarket.ts';
import { GAMMA_MAX_LOOKUP } from '../src/sources/gamma.ts';
import { UpstreamError } from '../src/sources/upstreamError.ts';
import { openMarketIds, storedMarketIds } from '../src/store/markets.ts';
import type { FetchGammaPayload } from '../queues/payloads.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { chainJobId, nextStep } from '../queues/chain.ts';
import { holdWhileFull } from './backpressure.ts';
import { contentHash } from './contentHash.ts';
import type { WorkerContext } from './context.ts';
import type { JobContext, Processor } from './register.ts';
import { makeRequest } from './request.ts';

type Of<Kind extends FetchGammaPayload['kind']> = Extract<FetchGammaPayload, { kind: Kind }>;

/** A walk back from the newest market ends here at the latest; the open sweep finds the rest. */
const MOST_NEWEST_PAGES = 10;

/** One request to the market API. */
export function fetchGamma(context: WorkerContext): Processor<'fetch.gamma'> {
  return async (payload, jobContext) => {
    await holdWhileFull(context);
    switch (payload.kind) {
      case 'newest':
        return await fetchNewest(context, payload, jobContext);
      case 'sweep':
        return await fetchSweepPage(context, payload, jobContext);
      case 'tokens':
        return await lookUpTokens(context, payload, jobContext);
      case 'closedIds':
        return await lookUpClosed(context, payload, jobContext);
    }
  };
}

/** Walks back from the newest open market until a page has only markets that are stored. */
async function fetchNewest(context: WorkerContext, payload: Of<'newest'>, { job, signal }: JobContext) {
  const { chain, afterCursor } = payload;
  const page = await makeRequest(context, 'gamma', { signal }, true, () =>
    context.gamma.fetchMarkets({
      closed: false,
      order: 'createdAt',
      ascending: false,
      ...(afterCursor === undefined ? {} : { afterCursor }),
      ...(signal === undefined ? {} : { signal }),
    }),
  );
  const storedIds = await context.storedPages.idsOf(page.markets);
  if (storedIds !== undefined) return { markets: storedIds.length, unknown: 0, goesOn: false };
  const ids = idsOf(page.markets);
  await handOver(context, job.id, page.markets);
  const stored = await storedMarketIds(context.database, ids);
  const goesOn =
    page.nextCursor !== undefined && stored.length < ids.length && chain.step + 1 < MOST_NEWEST_PAGES;
  if (goesOn) {
    const following = nextStep(chain);
    await context.queues.add(
      'fetch.gamma',
      'newest',
      { kind: 'newest', afterCursor: page.nextCursor, chain: following },
      { jobId: chainJobId('newest', following), priority: PRIORITY.live },
    );
  }
  return { markets: ids.length, unknown: ids.length - stored.length, goesOn };
}

/** One page of a sweep. The place to go on from is kept, so a restart resumes where it was. */
async function fetchSweepPage(context: WorkerContext, payload: Of<'sweep'>, { job, signal }: JobContext) {
  const { chain, closed, afterCursor } = payload;
  let page;
  try {
    page = await makeRequest(context, 'gamma', { signal }, true, () =>
      context.gamma.fetchMarkets({
        closed,
        ...(afterCursor === undefined ? {} : { afterCursor }),
        ...(signal === undefined ? {} : { signal }),
      }),
    );
  } catch (error) {
    // A cursor that the API does not take any more: the next tick sweeps from the start.
    const cursorRefused = error instanceof UpstreamError && error.retry !== 'wait';
    if (cursorRefused && afterCursor !== undefined) {
      await context.sweeps.update(closed, { startedAt: undefined, afterCursor: undefined });
    }
    throw error;
  }
  const storedIds = await context.storedPages.idsOf(page.markets);
  const { newPages = 0, quietSweeps = 0 } = await context.sweeps.read(closed);
  const isNew = storedIds === undefined && page.markets.length > 0;
  const newSoFar = newPages + (isNew ? 1 : 0);
  if (isNew) await handOver(context, job.id, page.markets);
  if (!closed) await context.sweeps.noteSeen(storedIds ?? idsOf(page.markets));

  // An empty page is the end, whatever cursor it carries.
  const last = page.nextCursor === undefined || page.markets.length === 0;
  if (last) {
    if (!closed) await lookUpMissing(context, chain.id);
    await context.sweeps.update(closed, {
      finishedAt: Date.now(),
      afterCursor: undefined,
      chainJobId: undefined,
      newPages: undefined,
      quietSweeps: newSoFar === 0 ? quietSweeps + 1 : undefined,
    });
  } else {
    const following = nextStep(chain);
    const jobId = chainJobId(sweepName(closed), following);
    await context.queues.add(
      'fetch.gamma',
      sweepName(closed),
      { kind: 'sweep', closed, afterCursor: page.nextCursor, chain: following },
      { jobId, priority: sweepPriority(closed) },
    );
    await context.sweeps.update(closed, {
      afterCursor: page.nextCursor,
      chainJobId: jobId,
      newPages: newSoFar,
    });
  }
  return { markets: page.markets.length, page: chain.step, last };
}

export function sweepName(closed: boolean): string {
  return closed ? 'sweep-closed' : 'sweep-open';
}

export function sweepPriority(closed: boolean): number {
  return closed ? PRIORITY.closedSweep : PRIORITY.openSweep;
}

/** A market stored as open that a whole sweep of open markets has not met has closed: asks for its last state. */
async function lookUpMissing(context: WorkerContext, chainId: string): Promise<void> {
  const missing = await context.sweeps.notSeen(await openMarketIds(context.database));
  await context.sweeps.forgetSeen();
  for (const [index, ids] of chunksOf(missing, GAMMA_MAX_LOOKUP).entries()) {
    await context.queues.add(
      'fetch.gamma',
      'closed-ids',
      { kind: 'closedIds', ids },
      { jobId: `closed-ids-${chainId}-${index}`, priority: PRIORITY.lookup },
    );
  }
}

async function lookUpClosed(context: WorkerContext, payload: Of<'closedIds'>, { job, signal }: JobContext) {
  const records = await makeRequest(context, 'gamma', { signal }, true, () =>
    context.gamma.lookupIds(payload.ids, true, signal),
  );
  await handOver(context, job.id, records);
  return { asked: payload.ids.length, found: records.length };
}

/**
 * Asks for unknown tokens among the open markets; those not found there, among the closed ones; and what looked like
 * positions of the PositionManager but is none that is listed, as conditional tokens.
 */
async function lookUpTokens(context: WorkerContext, payload: Of<'tokens'>, { job, signal }: JobContext) {
  const { tokenIds, closed, ledger } = payload;
  const records = await makeRequest(context, 'gamma', { signal }, true, () =>
    context.gamma.lookupTokens(ledger, tokenIds, closed, signal),
  );
  await handOver(context, job.id, records);
  const found = new Set(records.flatMap(tokensOf));
  const missing = tokenIds.filter((token) => !found.has(token));
  const next = !closed
    ? { ledger, closed: true }
    : ledger === 'pm'
      ? { ledger: 'ctf' as const, closed: false }
      : undefined;
  if (next !== undefined && missing.length > 0) {
    await context.queues.add(
      'fetch.gamma',
      'tokens',
      { kind: 'tokens', tokenIds: missing, ...next },
      { jobId: `${job.id ?? ''}-${next.closed ? 'closed' : next.ledger}`, priority: PRIORITY.lookup },
    );
  }
  return { asked: tokenIds.length, found: tokenIds.length - missing.length };
}

async function handOver(
  context: WorkerContext,
  jobId: string | undefined,
  records: unknown[],
): Promise<void> {
  if (records.length === 0) return;
  await context.queues.add(
    'markets',
    'page',
    { fetchedAt: Date.now(), records },
    { jobId: `${jobId ?? ''}-${contentHash(records)}` },
  );
}

function idsOf(records: readonly unknown[]): string[] {
  return records.flatMap((record) => {
    const parsed = parseMarket(record);
    return parsed.ok ? [parsed.market.id] : [];
  });
}

function tokensOf(record: unknown): readonly string[] {
  const parsed = parseMarket(record);
  return parsed.ok ? [...parsed.market.tokenIds, ...parsed.market.positionIds] : [];
}
