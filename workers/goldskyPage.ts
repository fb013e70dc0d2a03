import { oneLine } from '../src/base/errors.ts';
import { log } from '../src/base/log.ts';
import type { Cursor } from '../src/domain/coverage.ts';
import type { Span } from '../src/domain/spans.ts';
import { GOLDSKY_MAX_PAGE, REORG_WINDOW_S, type SubgraphPage } from '../src/sources/goldsky.ts';
import { UpstreamError } from '../src/sources/upstreamError.ts';
import type { FetchGoldskyPayload, OrdersPayload } from '../queues/payloads.ts';
import type { WorkerContext } from './context.ts';
import type { JobContext } from './register.ts';
import { makeRequest } from './request.ts';

export const GOLDSKY = 'goldsky';

/**
 * Answers in a row without an event that was there before, until it is taken for a reorg: within the reorg window
 * about half a minute, beyond it about half an hour.
 */
const DOUBTS_RECENT = 6;
const DOUBTS_OLD = 60;
/** Answers without any event for longer than this, in seconds, are asked for again before they are believed. */
const LONG_QUIET_S = 60;
const DOUBTS_EMPTY = 3;
/** The same for the rest of a second of which a page was read already. */
const DOUBTS_REST = 2;

interface Asked {
  readonly cursor: Cursor;
  readonly known?: Cursor | undefined;
  readonly before?: number | undefined;
}

/**
 * One request, at its turn.
 * @param starts it is the first one of its job
 * @throws UpstreamError, AppError
 */
export async function sendRequest(
  context: WorkerContext,
  payload: FetchGoldskyPayload,
  jobContext: JobContext,
  { starts }: { readonly starts: boolean },
): Promise<SubgraphPage> {
  const { cursor, known, before } = askedOf(payload);
  const { signal } = jobContext;
  return await makeRequest(context, 'goldsky', jobContext, starts, () =>
    context.goldsky.fetchPage(
      { timestamp: cursor.position, id: cursor.id },
      {
        pageSize: pageSizeOf(payload),
        ...(before === undefined ? {} : { before }),
        ...(known === undefined ? {} : { known: { timestamp: known.position, id: known.id } }),
        ...(signal === undefined ? {} : { signal }),
      },
    ),
  );
}

export interface PageOptions {
  /** Unix second up to which it is known that there are no events after the cursor. */
  readonly quietUntil?: number | undefined;
  /** The answer, where the request has been sent already. */
  readonly coming?: Promise<SubgraphPage>;
}

/**
 * The page of a request. What is learnt from a refusal (a smaller page, a doubt) is kept in the job for its next try.
 * @throws UpstreamError, AppError
 */
export async function requestPage(
  context: WorkerContext,
  payload: FetchGoldskyPayload,
  jobContext: JobContext,
  { quietUntil = 0, coming }: PageOptions = {},
): Promise<SubgraphPage> {
  const { job } = jobContext;
  const pageSize = pageSizeOf(payload);
  try {
    const page = await (coming ?? sendRequest(context, payload, jobContext, { starts: true }));
    if (isDoubtful(payload, page, quietUntil)) {
      await job.updateData({ ...payload, doubts: (payload.doubts ?? 0) + 1 });
      throw new UpstreamError(
        'UPSTREAM_EMPTY',
        `No event since second ${askedOf(payload).cursor.position}: asked again, in case the answer is wrong.`,
        { retry: 'wait' },
      );
    }
    return page;
  } catch (error) {
    if (error instanceof UpstreamError && error.shrink && pageSize > 1) {
      await job.updateData({ ...payload, pageSize: Math.floor(pageSize / 2) });
    }
    if (error instanceof UpstreamError && error.code === 'UPSTREAM_LOST_EVENTS') {
      await job.updateData(withDoubt(payload, Number(error.context['headTimestamp'] ?? 0)));
    }
    if (error instanceof UpstreamError) await context.sources.update(GOLDSKY, { problem: oneLine(error) });
    throw error;
  }
}

function pageSizeOf({ pageSize = GOLDSKY_MAX_PAGE }: FetchGoldskyPayload): number {
  return pageSize;
}

function askedOf(payload: FetchGoldskyPayload): Asked {
  switch (payload.kind) {
    case 'tail':
      return payload;
    case 'range':
      return { ...payload, before: payload.to };
    case 'reread':
      return { cursor: payload.cursor, before: payload.to };
  }
}

/** An answer without events that nothing known contradicts, and that was not yet given often enough to be believed. */
function isDoubtful(
  payload: FetchGoldskyPayload,
  page: SubgraphPage,
  quietUntil: number,
): payload is Exclude<FetchGoldskyPayload, { kind: 'reread' }> {
  if (payload.kind === 'reread' || page.records.length > 0) return false;
  const { cursor, known, doubts = 0 } = payload;
  if (page.sameSecond) return doubts < DOUBTS_REST;
  if (known !== undefined || doubts >= DOUBTS_EMPTY) return false;
  const until = payload.kind === 'range' ? payload.to : (page.head?.timestamp ?? 0);
  return until - Math.max(cursor.position, quietUntil) > LONG_QUIET_S;
}

/** @param head unix seconds of the newest block the subgraph has indexed; 0 where it does not say */
function withDoubt(payload: FetchGoldskyPayload, head: number): FetchGoldskyPayload {
  if (payload.kind === 'reread' || payload.known === undefined) return payload;
  const { known, ...rest } = payload;
  const doubts = (payload.doubts ?? 0) + 1;
  const isRecent = head === 0 || head - known.position < REORG_WINDOW_S;
  if (doubts < (isRecent ? DOUBTS_RECENT : DOUBTS_OLD)) return { ...payload, doubts };
  log(GOLDSKY).warn(
    `Event ${known.id} of second ${known.position} is gone in ${doubts} answers: taken for a reorg.`,
  );
  return rest;
}

/** A record that the next answer has to hold, as a cursor. */
export function knownCursor({ known }: SubgraphPage): Cursor | undefined {
  return known === undefined ? undefined : { position: known.timestamp, id: known.id };
}

/** What of a range is to be read again, as a part of the page's payload. */
export function unsettledOf(range: Span | null, from: number): Pick<OrdersPayload, 'unsettled'> {
  if (range === null || range.to.position < from) return {};
  return { unsettled: { from: Math.max(range.from.position, from), to: range.to.position } };
}

/** From this second on a reorg may still change what was read. */
export function unsettledFrom(page: SubgraphPage, fetchedAt: number): number {
  return Math.max(0, (page.head?.timestamp ?? Math.floor(fetchedAt / 1000)) - REORG_WINDOW_S);
}
