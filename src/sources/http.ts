import { displayUrl } from '../base/config.ts';
import { oneLine } from '../base/errors.ts';
import { isRecord } from '../domain/fields.ts';
import { parseLossless } from './losslessJson.ts';
import { UpstreamError, type UpstreamErrorCode, type UpstreamErrorOptions } from './upstreamError.ts';
import { errorText, excerpt, retryAfterMs, saysRateLimited } from './upstreamText.ts';

export const DEFAULT_TIMEOUT_MS = 30_000;
/** A page of the usual size is far smaller: what is read here lies in memory and, as a job, in Redis. */
export const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/** One upstream API, as its requests and error messages need it. */
export interface Upstream {
  /** For people: "Gamma", "Goldsky". */
  readonly name: string;
  readonly url: string;
  /** For the whole request: connecting, headers and body. Milliseconds. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly fetch: typeof fetch;
  /** Keys, as in the paths of some URLs: taken out of every message, whoever repeats them. */
  readonly secrets?: readonly string[];
}

/** Defaults filled in. */
export function upstream(options: Pick<Upstream, 'name' | 'url'> & Partial<Upstream>): Upstream {
  return { timeoutMs: DEFAULT_TIMEOUT_MS, maxBytes: DEFAULT_MAX_BYTES, fetch: globalThis.fetch, ...options };
}

/** An error whose one line starts with the API's name and display URL. */
export function upstreamError(
  api: Upstream,
  code: UpstreamErrorCode,
  what: string,
  options: UpstreamErrorOptions,
): UpstreamError {
  let said = what;
  for (const secret of api.secrets ?? []) said = said.replaceAll(secret, '…');
  return new UpstreamError(code, `${api.name} (${displayUrl(api.url)}) ${said}`, options);
}

/** GET with a JSON answer of status 2xx. @throws UpstreamError for everything else. */
export async function getJson(api: Upstream, url: string, signal?: AbortSignal): Promise<unknown> {
  const body = await fetchBody(api, url, { headers: { accept: 'application/json' }, signal: signal ?? null });
  return parseJsonBody(api, body);
}

/**
 * The whole body of a 2xx answer as text, within the API's time and size. HTML is refused here.
 * @throws UpstreamError
 */
export async function fetchBody(api: Upstream, url: string | URL, init: RequestInit): Promise<string> {
  const controller = new AbortController();
  const onTimeout = () => {
    const what = `gave no whole answer within ${api.timeoutMs} ms`;
    controller.abort(upstreamError(api, 'UPSTREAM_TIMEOUT', what, { retry: 'wait', shrink: true }));
  };
  const timer = setTimeout(onTimeout, api.timeoutMs);
  const caller = init.signal ?? undefined;
  const onAbort = () => {
    const what = 'was not waited for: the request was stopped from this side';
    // No wait: the job is to be taken up at once by those that go on.
    const options = { retry: 'wait', waitMs: 0, cause: caller?.reason as unknown } as const;
    controller.abort(upstreamError(api, 'UPSTREAM_ABORTED', what, options));
  };
  if (caller?.aborted === true) onAbort();
  else caller?.addEventListener('abort', onAbort, { once: true });
  try {
    const response = await api.fetch(url, { ...init, signal: controller.signal });
    const body = await readBody(api, response);
    if (!response.ok) throw statusError(api, response, body);
    refuseHtml(api, response, body);
    return body;
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : asUpstreamError(api, error);
  } finally {
    clearTimeout(timer);
    caller?.removeEventListener('abort', onAbort);
  }
}

/**
 * The JSON of a 2xx body (see losslessJson.ts for what JavaScript cannot hold). A body that is only an error (`{"error": "Too Many Requests"}`, seen with status 200) is one.
 * @throws UpstreamError
 */
export function parseJsonBody(api: Upstream, body: string): unknown {
  const parsed = parseAnyJson(api, body);
  if (isRecord(parsed) && parsed['error'] !== undefined && parsed['error'] !== null) {
    const said = errorText(parsed);
    if (saysRateLimited(said)) throw rateLimited(api, undefined);
    throw badBody(api, `answered with an error in place of data: ${excerpt(said)}`);
  }
  return parsed;
}

/** The JSON of a body, errors in it included. @throws UpstreamError */
export function parseAnyJson(api: Upstream, body: string): unknown {
  try {
    return parseLossless(body);
  } catch (cause) {
    throw badBody(api, `answered with ${body === '' ? 'an empty body' : 'broken or truncated JSON'}`, {
      cause,
    });
  }
}

/** An answer of the wrong shape: upstream trouble, come back later. */
export function badBody(
  api: Upstream,
  what: string,
  options: Omit<UpstreamErrorOptions, 'retry'> = {},
): UpstreamError {
  return upstreamError(api, 'UPSTREAM_BAD_BODY', what, { retry: 'wait', ...options });
}

/** Too many requests; `waitMs` where the server named a time. */
export function rateLimited(api: Upstream, waitMs: number | undefined): UpstreamError {
  const until = waitMs === undefined ? '' : `, come back in ${waitMs} ms`;
  return upstreamError(api, 'UPSTREAM_RATE_LIMITED', `says there were too many requests${until}`, {
    retry: 'wait',
    ...(waitMs === undefined ? {} : { waitMs }),
  });
}

async function readBody(api: Upstream, response: Response): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop by the throw cancels the stream and so closes the connection.
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > api.maxBytes) {
      throw badBody(api, `answered with more than ${api.maxBytes} bytes`, { shrink: true });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}

/** Gateways answer 504, 524 and the like when the server behind them is too slow for the query. */
const GATEWAY_TIMEOUTS: ReadonlySet<number> = new Set([408, 504, 522, 524]);
/** 4xx that pass by themselves: request timeout, restarting ("too early"). */
const TRANSIENT_4XX: ReadonlySet<number> = new Set([408, 425]);

function statusError(api: Upstream, response: Response, body: string): UpstreamError {
  const { status } = response;
  const waitMs = retryAfterMs(response.headers.get('retry-after'));
  if (status === 429) return rateLimited(api, waitMs);
  const said = excerpt(errorText(tryJson(body)) || (looksLikeHtml(response, body) ? '' : body));
  const what = `answered with status ${status}${said === '' ? '' : `: ${said}`}`;
  const context = { status };
  if (status >= 500 || TRANSIENT_4XX.has(status)) {
    const shrink = GATEWAY_TIMEOUTS.has(status) || /time(d)? ?out/i.test(said);
    const code = shrink ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_SERVER_ERROR';
    const wait = waitMs === undefined ? {} : { waitMs };
    return upstreamError(api, code, what, { retry: 'wait', ...wait, shrink, context, body });
  }
  if (status >= 400) return upstreamError(api, 'UPSTREAM_REJECTED', what, { retry: 'never', context, body });
  return badBody(api, what, { context });
}

function tryJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function looksLikeHtml(response: Response, body: string): boolean {
  return (response.headers.get('content-type') ?? '').includes('text/html') || /^\s*</.test(body);
}

function refuseHtml(api: Upstream, response: Response, body: string): void {
  if (looksLikeHtml(response, body)) throw badBody(api, 'answered with HTML in place of JSON');
}

function asUpstreamError(api: Upstream, error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const line = oneLine(error);
  // undici's own limits (10 s to connect) end in these codes; everything else is a connection that failed or broke.
  if (
    error instanceof Error &&
    /^UND_ERR_\w+_TIMEOUT$/.test(String((error.cause as NodeJS.ErrnoException)?.code))
  ) {
    return upstreamError(api, 'UPSTREAM_TIMEOUT', `gave no answer in time: ${line}`, {
      retry: 'wait',
      cause: error,
    });
  }
  const what = `could not be reached, or broke off: ${line}`;
  return upstreamError(api, 'UPSTREAM_UNREACHABLE', what, { retry: 'wait', cause: error });
}
