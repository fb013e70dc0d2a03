import { isRecord } from '../domain/fields.ts';
import { badBody, rateLimited, upstreamError, type Upstream } from './http.ts';
import { UpstreamError } from './upstreamError.ts';
import { excerpt, saysRateLimited } from './upstreamText.ts';

/** graph-node's texts (docs: domain facts, graph-node semantics). It gives no codes, so the text decides. */
const TIMEOUT = /timed out|statement timeout|canceling statement due to/i;
const TOO_EXPENSIVE = /ResultTooBig|result is too (?:big|large)|too expensive/i;
const TEMPORARY =
  /service is overloaded|chain was reorganized|Store error|indexed only up to|only indexed up to|not yet available/i;
const FATAL = /indexing_error|deployment .*does not exist|subgraph .*not found|no such subgraph/i;

/** The class of the `errors` of a GraphQL answer (status 200): retry, smaller page, or a person must look. */
export function graphqlError(api: Upstream, errors: unknown): UpstreamError {
  if (Array.isArray(errors) && errors[0] instanceof UpstreamError) return errors[0];
  const list = (Array.isArray(errors) ? errors : [errors]) as unknown[];
  const messages = list.map(messageOf);
  const all = messages.join('; ');
  const what = `answered with an error: ${excerpt(all)}`;
  if (saysRateLimited(all)) return rateLimited(api, undefined);
  if (TOO_EXPENSIVE.test(all)) {
    return upstreamError(api, 'UPSTREAM_TOO_EXPENSIVE', what, { retry: 'attempt', shrink: true });
  }
  if (TIMEOUT.test(all)) return upstreamError(api, 'UPSTREAM_TIMEOUT', what, { retry: 'wait', shrink: true });
  if (TEMPORARY.test(all)) return upstreamError(api, 'UPSTREAM_SERVER_ERROR', what, { retry: 'wait' });
  if (FATAL.test(all) || list.some(hasLocations)) {
    return upstreamError(api, 'UPSTREAM_REJECTED', what, { retry: 'never' });
  }
  if (messages.every((message) => message === ''))
    return badBody(api, 'answered with errors without a message');
  return upstreamError(api, 'UPSTREAM_QUERY_FAILED', what, { retry: 'wait' });
}

/** True where every error says that the schema has no `_meta`, or not the fields asked of it. */
export function isUnknownMeta(errors: unknown): boolean {
  if (!Array.isArray(errors) || errors.length === 0) return false;
  return errors.map(messageOf).every((message) => {
    const unknownField = /no field|cannot query field|unknown field|does not exist/i.test(message);
    return unknownField && /_meta|_block_|hasIndexingErrors/i.test(message);
  });
}

function messageOf(error: unknown): string {
  if (typeof error === 'string') return error;
  return isRecord(error) && typeof error['message'] === 'string' ? error['message'] : '';
}

/** Parse and validation errors point into the query. */
function hasLocations(error: unknown): boolean {
  return isRecord(error) && Array.isArray(error['locations']) && error['locations'].length > 0;
}
