import { AppError, type AppErrorOptions } from '../base/errors.ts';

/**
 * What went wrong with an upstream API.
 * - `UPSTREAM_UNREACHABLE`: no connection, or it broke before the answer was whole.
 * - `UPSTREAM_TIMEOUT`: no whole answer in time (ours, a gateway's, or the query's on the server).
 * - `UPSTREAM_RATE_LIMITED`: 429, or a body that says so; `waitMs` where the server names a time.
 * - `UPSTREAM_SERVER_ERROR`: 5xx, or an error the server says is temporary.
 * - `UPSTREAM_BAD_BODY`: HTML, truncated JSON, too large, another shape, records that contradict the request.
 * - `UPSTREAM_LAGGING`: the node that answered is behind one that answered before, lacks the history asked for, or is in
 *   the middle of a reorg: come back later.
 * - `UPSTREAM_LOST_EVENTS`: the answer lacks an event that an earlier one held: a reorg, or a node that lacks data.
 * - `UPSTREAM_EMPTY`: an answer without events for a time in which there should be some: asked again before it is believed.
 * - `UPSTREAM_TOO_EXPENSIVE`: the query is refused for its cost: ask for a smaller page. Of a chain's logs: a single block
 *   is refused for its size.
 * - `UPSTREAM_QUERY_FAILED`: an error of no known class.
 * - `UPSTREAM_REJECTED`: the request itself is refused (4xx, validation, no such subgraph): a person must look.
 * - `UPSTREAM_ABORTED`: the caller's signal ended the request.
 * - `GOLDSKY_CURSOR_STUCK`, `GAMMA_CURSOR_STUCK`: the answer gives no way to go on.
 */
export type UpstreamErrorCode =
  | 'UPSTREAM_UNREACHABLE'
  | 'UPSTREAM_TIMEOUT'
  | 'UPSTREAM_RATE_LIMITED'
  | 'UPSTREAM_SERVER_ERROR'
  | 'UPSTREAM_BAD_BODY'
  | 'UPSTREAM_LAGGING'
  | 'UPSTREAM_LOST_EVENTS'
  | 'UPSTREAM_EMPTY'
  | 'UPSTREAM_TOO_EXPENSIVE'
  | 'UPSTREAM_QUERY_FAILED'
  | 'UPSTREAM_REJECTED'
  | 'UPSTREAM_ABORTED'
  | 'GOLDSKY_CURSOR_STUCK'
  | 'GAMMA_CURSOR_STUCK';

export interface UpstreamErrorOptions extends AppErrorOptions {
  /** True where a smaller page may succeed. */
  readonly shrink?: boolean;
  /** What came with a status that is an error: some APIs say more in it. Never for messages or logs. */
  readonly body?: string;
}

/** Trouble with an upstream API: one line that carries the API's name and display URL, never paths or queries. */
export class UpstreamError extends AppError {
  /** True where asking for a smaller page may help. */
  readonly shrink: boolean;
  /** No property: whoever logs an error logs its properties. */
  readonly #body: string | undefined;

  constructor(code: UpstreamErrorCode, message: string, options: UpstreamErrorOptions) {
    const shrink = options.shrink ?? false;
    super(code, message, { ...options, context: { ...options.context, ...(shrink ? { shrink } : {}) } });
    this.shrink = shrink;
    this.#body = options.body;
  }

  /** The body of an answer whose status is an error; undefined for other errors. */
  answerBody(): string | undefined {
    return this.#body;
  }
}

/** What tells nothing against the API itself: it answered, and what it said is dealt with request by request. */
const ANSWERED: ReadonlySet<string> = new Set([
  'UPSTREAM_TOO_EXPENSIVE',
  'UPSTREAM_LAGGING',
  'UPSTREAM_LOST_EVENTS',
  'UPSTREAM_EMPTY',
] satisfies UpstreamErrorCode[]);

/**
 * What the error of a request says about its API as a whole.
 * - `failed`: it does not do what it is for. A refused request (4xx) counts as well: one alone does no harm, but an
 *   API that refuses everybody is as good as away.
 * - `works`: it answers; the answer was refused for its cost or size, or comes from a node that lags or lacks events.
 * - `none`: nothing: the request was ended from this side, or did not get as far as the API.
 */
export function verdictOf(error: unknown): 'failed' | 'works' | 'none' {
  if (!(error instanceof UpstreamError) || error.code === 'UPSTREAM_ABORTED') return 'none';
  const tooLarge = error.code === 'UPSTREAM_BAD_BODY' && error.shrink;
  return tooLarge || ANSWERED.has(error.code) ? 'works' : 'failed';
}
