import { AppError, type AppErrorOptions } from '../base/errors.ts';

/**
 * What went wrong with an upstream API.
 * - `UPSTREAM_UNREACHABLE`: no connection, or it broke before the answer was whole.
 * - `UPSTREAM_TIMEOUT`: no whole answer in time (ours, a gateway's, or the query's on the server).
 * - `UPSTREAM_RATE_LIMITED`: 429, or a body that says so; `waitMs` where the server names a time.
 * - `UPSTREAM_SERVER_ERROR`: 5xx, or an error the server says is temporary.
 * - `UPSTREAM_BAD_BODY`: HTML, truncated JSON, too large, another shape, records that contradict the request.
 * - `UPSTREAM_TOO_EXPENSIVE`: the query is refused for its cost: ask for a smaller page.
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
  | 'UPSTREAM_TOO_EXPENSIVE'
  | 'UPSTREAM_QUERY_FAILED'
  | 'UPSTREAM_REJECTED'
  | 'UPSTREAM_ABORTED'
  | 'GOLDSKY_CURSOR_STUCK'
  | 'GAMMA_CURSOR_STUCK';

export interface UpstreamErrorOptions extends AppErrorOptions {
  /** True where a smaller page may succeed. */
  readonly shrink?: boolean;
}

/** Trouble with an upstream API: one line that carries the API's name and display URL, never paths or queries. */
export class UpstreamError extends AppError {
  /** True where asking for a smaller page may help. */
  readonly shrink: boolean;

  constructor(code: UpstreamErrorCode, message: string, options: UpstreamErrorOptions) {
    const shrink = options.shrink ?? false;
    super(code, message, { ...options, context: { ...options.context, ...(shrink ? { shrink } : {}) } });
    this.shrink = shrink;
  }
}
