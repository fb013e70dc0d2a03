import { chunksOf } from '../src/base/chunks.ts';
import type { Cursor } from '../src/domain/coverage.ts';
import { GAMMA_MAX_LOOKUP } from '../src/sources/gamma.ts';
import { compactCoverage } from '../src/store/compact.ts';
import { looksLikePosition } from '../src/domain/positionId.ts';
import { coveredEnd, recordStart } from '../src/store/coverage.ts';
import { relabel, renewMarks, unknownTokens } from '../src/store/labels.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { chainJobId } from '../queues/chain.ts';
import { chainIsBusy } from './chain.ts';
import { contentHash } from './contentHash.ts';
import type { WorkerContext } from './context.ts';
import { sweepName, sweepPriority } from './fetch.gamma.ts';
import { recoverFailed } from './failedPages.ts';
import { refetchGaps } from './gaps.ts';
import { GOLDSKY } from './goldskyPage.ts';
import { Looks, type Look } from './looks.ts';
import { POLYGON } from './polygonPage.ts';
import { recountSample } from './recount.ts';
import { settleRanges } from './settle.ts';
import type { Processor } from './register.ts';

/** A sweep that took t starts again t x this after it began: sweeps take a tenth of the time at most. */
const SWEEP_REST = 10;
/** Where nothing changes, sweeps are made after two polls, then after so many: an idle pipeline is to be idle. */
const MOST_QUIET_POLLS = 4;
/** Tokens looked up in one tick at most. */
const LOOKUPS_A_TICK = 10 * GAMMA_MAX_LOOKUP;
/** Unknown tokens taken from ClickHouse when Redis has lost the list. */
const REBUILT_LOOKUPS = 10_000;
const ONE_HOUR_S = 3_600;
/** Covered ranges stay as they were written for this long, in seconds. */
const COMPACTED_AFTER_S = 3_600;

/** A scheduled poll. Fetching is not done here: a tick starts a chain of fetch jobs, unless one is running. */
export function ticks(context: WorkerContext): Processor<'ticks'> {
  const looks = new Looks(context.redis, context.queues);
  return async ({ task }, { job }) => {
    const tickId = (job.id ?? String(job.timestamp)).replaceAll(/[^A-Za-z0-9]+/g, '-');
    switch (task) {
      case 'goldsky':
        return await pollGoldsky(context, tickId);
      case 'polygon':
        return await pollPolygon(context, tickId);
      case 'markets':
        return await pollMarkets(context, tickId);
      case 'labels':
        return await labelTrades(context, looks, tickId);
      case 'settle':
        return await settleRanges(context, looks);
      case 'gaps':
        return await refetchGaps(context, looks, tickId);
      case 'recount':
        return await recountSample(context, tickId);
      case 'recover':
        return await recoverFailed(context);
      case 'compact':
        return { merged: await compactCoverage(context.database, COMPACTED_AFTER_S) };
    }
  };
}

async function pollGoldsky(context: WorkerContext, tickId: string) {
  const state = await context.sources.read(GOLDSKY);
  if (await chainIsBusy(context.queues, 'fetch.goldsky', state.chainJobId)) return { started: false };
  const cursor = state.cursor ?? (await startingCursor(context));
  const chain = { id: tickId, step: 0 };
  const jobId = chainJobId(GOLDSKY, chain);
  // The state first: a job whose chain is not the one in the state ends at once.
  const begun = { cursor, chainJobId: jobId, chainId: chain.id };
  if (!(await context.sources.advance(GOLDSKY, state, begun))) return { started: false };
  const { known } = state;
  await context.queues.add(
    'fetch.goldsky',
    'tail',
    { kind: 'tail', cursor, chain, ...(known === undefined ? {} : { known }) },
    { jobId, priority: PRIORITY.live },
  );
  return { started: true };
}

/** As pollGoldsky; where nothing is covered yet, a job has to find the block to begin at. */
async function pollPolygon(context: WorkerContext, tickId: string) {
  const state = await context.sources.read(POLYGON);
  if (await chainIsBusy(context.queues, 'fetch.polygon', state.chainJobId)) return { started: false };
  const cursor = state.cursor ?? (await coveredEnd(context.database, POLYGON));
  const chain = { id: tickId, step: 0 };
  const jobId = chainJobId(POLYGON, chain);
  const begun = { cursor, chainJobId: jobId, chainId: chain.id };
  if (!(await context.sources.advance(POLYGON, state, begun))) return { started: false };
  await context.queues.add(
    'fetch.polygon',
    cursor === undefined ? 'start' : 'tail',
    cursor === undefined ? { kind: 'start', chain } : { kind: 'tail', cursor, chain },
    { jobId, priority: PRIORITY.live },
  );
  return { started: true };
}

/**
 * Where the tail starts when Redis does not know: at the furthest covered place (what was lost before it is a gap, see
 * gaps.ts); without any, at the configured start or an hour ago. That start becomes the first covered place, so
 * that it is not forgotten before its first page is written.
 */
async function startingCursor(context: WorkerContext): Promise<Cursor> {
  const covered = await coveredEnd(context.database, GOLDSKY);
  if (covered !== undefined) return covered;
  const position = context.config.goldsky.start ?? Math.floor(Date.now() / 1000) - ONE_HOUR_S;
  const start = { position, id: '' };
  await recordStart(context.database, GOLDSKY, start);
  return start;
}

async function pollMarkets(context: WorkerContext, tickId: string) {
  const chain = { id: tickId, step: 0 };
  await context.queues.add(
    'fetch.gamma',
    'newest',
    { kind: 'newest', chain },
    { jobId: chainJobId('newest', chain), priority: PRIORITY.live, onlyOne: 'newest' },
  );
  return {
    sweepOpen: await startSweep(context, tickId, false),
    sweepClosed: await startSweep(context, tickId, true),
  };
}

/** Starts the sweep that is due, or resumes one whose chain has died. */
async function startSweep(context: WorkerContext, tickId: string, closed: boolean): Promise<boolean> {
  const state = await context.sweeps.read(closed);
  if (await chainIsBusy(context.queues, 'fetch.gamma', state.chainJobId)) return false;
  const { startedAt, finishedAt, quietSweeps = 0 } = state;
  const underWay = startedAt !== undefined && finishedAt === undefined;
  const afterCursor = underWay ? state.afterCursor : undefined;
  if (startedAt !== undefined && finishedAt !== undefined) {
    const quietPolls = quietSweeps === 0 ? 0 : Math.min(2 ** quietSweeps, MOST_QUIET_POLLS) - 0.5;
    const rest = Math.max((finishedAt - startedAt) * SWEEP_REST, quietPolls * context.config.gamma.pollMs);
    const now = Date.now();
    // One that began in the future was begun by a clock that was ahead.
    if (startedAt <= now && now < startedAt + rest) return false;
  }
  const chain = { id: tickId, step: 0 };
  const jobId = chainJobId(sweepName(closed), chain);
  await context.queues.add(
    'fetch.gamma',
    sweepName(closed),
    { kind: 'sweep', closed, chain, ...(afterCursor === undefined ? {} : { afterCursor }) },
    { jobId, priority: sweepPriority(closed) },
  );
  const isNew = afterCursor === undefined;
  if (isNew && !closed) await context.sweeps.forgetSeen();
  await context.sweeps.update(closed, {
    chainJobId: jobId,
    ...(isNew ? { startedAt: Date.now(), finishedAt: undefined, newPages: undefined } : {}),
  });
  return true;
}

/** Labels trades whose market is known by now, and asks the market API for tokens that are due. */
async function labelTrades(context: WorkerContext, looks: Looks, tickId: string) {
  const labelled = await looks.make('labels', () => labelMarked(context));
  const due = await context.lookups.takeDue(LOOKUPS_A_TICK);
  const positions = due.filter(looksLikePosition);
  const others = due.filter((token) => !looksLikePosition(token));
  const groups = [
    ...chunksOf(positions, GAMMA_MAX_LOOKUP).map((tokenIds) => ({ tokenIds, ledger: 'pm' as const })),
    ...chunksOf(others, GAMMA_MAX_LOOKUP).map((tokenIds) => ({ tokenIds, ledger: 'ctf' as const })),
  ];
  for (const group of groups) {
    await context.queues.add(
      'fetch.gamma',
      'tokens',
      { kind: 'tokens', ...group, closed: false },
      { jobId: `tokens-${tickId}-${contentHash(group.tokenIds)}`, priority: PRIORITY.lookup },
    );
  }
  return { labelled, lookedUp: due.length };
}

/** @returns the number of tokens that are labelled now */
async function labelMarked({ database, lookups }: WorkerContext): Promise<Look<number>> {
  const tokens = await relabel(database);
  await lookups.forget(tokens);
  const rebuilds = await lookups.claimRebuild();
  if (rebuilds) {
    await renewMarks(database);
    await lookups.note(await unknownTokens(database, REBUILT_LOOKUPS));
  }
  return { found: tokens.length, quietMs: rebuilds || tokens.length > 0 ? 0 : Infinity };
}
