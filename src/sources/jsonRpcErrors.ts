import { isRecord } from '../domain/fields.ts';
import { rateLimited, upstreamError, type Upstream } from './http.ts';
import type { UpstreamError } from './upstreamError.ts';
import { excerpt, saysRateLimited } from './upstreamText.ts';

/** The `error` of a JSON-RPC answer. */
export interface RpcError {
  readonly code: number | undefined;
  readonly message: string;
  /** Some providers say in it what would work. */
  readonly data: unknown;
}

/**
 * What an error asks for.
 * - `batch`: fewer requests in one; `range`: fewer blocks, or results; `timeout`: the same
 * - `rate`: fewer requests a second
 * - `lagging`: another node: this one does not have these blocks yet, or any more
 * - `rejected`: a person: the key, the method, the parameters
 * - `server`: patience
 */
export type RpcErrorKind = 'batch' | 'range' | 'timeout' | 'rate' | 'lagging' | 'rejected' | 'server';

/*
 * Providers agree neither on codes nor on texts (-32005 is both a rate limit and too many results with Infura, -32602
 * both bad parameters and too large a range with Alchemy): the text decides, and the code only where it says nothing.
 */
const BATCH =
  /batch(?! response).*(?:more than|too (?:large|many|big)|limit|exceed|not (?:allowed|supported)|disabled|maximum)/i;
const TOO_MANY_IN_BATCH =
  /(?:too many|maximum|more than).*(?:in (?:a|one|the) batch|batch(?:ed)? (?:request|call|size))/i;
const RATE =
  /requests? (?:count|rate|limit)|request limit|(?:requests|calls|units|credits|queries) per|per second|compute units|capacity|throughput|quota|credits|call rate|(?:daily|monthly|usage) .*(?:limit|exceed)/i;
const LAGGING =
  /unknown block|(?:header|block)(?: \S+)?(?: for hash)? (?:was )?not found|beyond (?:the )?(?:current )?head|invalid block range|missing trie node|pruned|history .*(?:not|un)available|not yet available|(?:not|n't) find block|in the future|after last accepted block|unfinalized|failed to get logs for block|data is not available/i;
const RANGE_WORDS =
  /\branges?\b|\bblocks\b|\bresults\b|\blogs\b|\bresponse\b|\blog query\b|\bsize\b|getLogs/i;
const LIMIT_WORDS =
  /exceed|too (?:large|wide|big|many|high|much|long)|limit|\bmax|more than|greater than|\bover\b|up to|at most|should work|try (?:with|a)|retry with|not supported|smaller/i;
const TIMEOUT = /time(?:d)?[ -]?out|deadline exceeded/i;
const REJECTED =
  /unauthori[sz]ed|authenticat|api.?key|invalid (?:key|token|project|url)|project id|forbidden|access denied|not (?:whitelisted|enabled)|method .*(?:not|unsupported)/i;

const REJECTED_CODES: ReadonlySet<number | undefined> = new Set([-32700, -32600, -32601, -32602]);
const LAGGING_CODES: ReadonlySet<number | undefined> = new Set([4444, -32001]);

export function rpcErrorKind({ code, message }: RpcError): RpcErrorKind {
  const text = message.replaceAll(/https?:\/\/\S+/g, '');
  if (BATCH.test(text) || TOO_MANY_IN_BATCH.test(text)) return 'batch';
  if (saysRateLimited(text) || RATE.test(text) || code === 429) return 'rate';
  if (LAGGING.test(text)) return 'lagging';
  if (RANGE_WORDS.test(text) && LIMIT_WORDS.test(text)) return 'range';
  if (TIMEOUT.test(text)) return 'timeout';
  if (code === -32005) return 'rate';
  if (LAGGING_CODES.has(code)) return 'lagging';
  if (REJECTED_CODES.has(code) || REJECTED.test(text)) return 'rejected';
  return 'server';
}

/** The error of one answer: `{"error": {…}}`, `{"error": "…"}`, or a bare `{"code", "message"}`; undefined where it is none. */
export function rpcErrorOf(answer: unknown): RpcError | undefined {
  if (!isRecord(answer)) return undefined;
  const error = answer['error'] ?? (answer['result'] === undefined ? answer : undefined);
  if (typeof error === 'string') return { code: undefined, message: error, data: undefined };
  if (!isRecord(error)) return undefined;
  const { code, message, data } = error;
  if (typeof message !== 'string' && typeof code !== 'number') return undefined;
  const detail = typeof data === 'string' ? ` ${data}` : '';
  return {
    code: typeof code === 'number' ? code : undefined,
    message: `${typeof message === 'string' ? message : ''}${detail}`,
    data,
  };
}

/** What to throw for an error that nothing can be done about in the same call. */
export function rpcFailure(api: Upstream, error: RpcError): UpstreamError {
  const code = error.code === undefined ? '' : ` ${error.code}`;
  const what = `answered with error${code}: ${excerpt(error.message) || 'without a message'}`;
  const kind = rpcErrorKind(error);
  switch (kind) {
    case 'rate':
      return rateLimited(api, namedWaitMs(error));
    case 'lagging':
      return upstreamError(api, 'UPSTREAM_LAGGING', what, { retry: 'wait' });
    case 'batch':
    case 'range':
      return upstreamError(api, 'UPSTREAM_TOO_EXPENSIVE', what, { retry: 'attempt' });
    case 'timeout':
      return upstreamError(api, 'UPSTREAM_TIMEOUT', what, { retry: 'wait', shrink: true });
    case 'rejected':
      return upstreamError(api, 'UPSTREAM_REJECTED', what, { retry: 'never' });
    case 'server':
      return upstreamError(api, 'UPSTREAM_SERVER_ERROR', what, { retry: 'wait' });
  }
}

const MAX_WAIT_MS = 15 * 60_000;

/** "retry in 10s", "try again in 500ms", or Infura's `data.rate.backoff_seconds`. */
function namedWaitMs({ message, data }: RpcError): number | undefined {
  const rate = isRecord(data) && isRecord(data['rate']) ? data['rate']['backoff_seconds'] : undefined;
  if (typeof rate === 'number' && rate > 0) return Math.min(Math.ceil(rate * 1000), MAX_WAIT_MS);
  const named = /(?:retry|again) (?:in|after) (\d+(?:\.\d+)?)\s?(ms|s|m)/i.exec(message);
  if (named === null) return undefined;
  const unit = { ms: 1, s: 1000, m: 60_000 }[String(named[2]).toLowerCase()] ?? 1000;
  return Math.min(Math.ceil(Number(named[1]) * unit), MAX_WAIT_MS);
}
