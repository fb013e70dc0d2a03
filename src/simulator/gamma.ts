import { GammaRefusal, keysetPage, pageSize, select } from './gammaQuery.ts';
import type { Api, ApiRequest, ApiResponse } from './http.ts';
import type { GammaMarket, MarketEntry, Upstream } from './upstream.ts';

const MAX_URL = 8 * 1024;
const MAX_OFFSET = 2000;
const MAX_EVENTS = 500;

const DEPRECATION = {
  deprecation: 'true',
  sunset: 'Fri, 01 May 2026 00:00:00 GMT',
  warning: '299 - "GET /markets is deprecated, use /markets/keyset"',
};

/**
 * Gamma's market endpoints: the keyset listing, the deprecated offset listing, single markets, events by keyset.
 * Quirks kept: pages clamped to 100, `closed=false` unless said otherwise (for id filters too), wrong cursor
 * names ignored, 422 for order fields in snake case, 414 for long URLs.
 */
export function gammaApi(): Api {
  return { answer, withoutCursor };
}

function withoutCursor(request: ApiRequest): ApiRequest {
  const query = new URLSearchParams(request.query);
  query.delete('after_cursor');
  return { ...request, query };
}

function answer(request: ApiRequest, upstream: Upstream): ApiResponse {
  if (request.urlLength > MAX_URL) {
    return { status: 414, body: '<html><head><title>414 Request-URI Too Large</title></head></html>' };
  }
  if (request.method !== 'GET') return problem(405, 'method not allowed');
  try {
    const response = route(upstream, request);
    return { ...response, headers: { 'cache-control': 'public, max-age=300', ...response.headers } };
  } catch (error) {
    if (error instanceof GammaRefusal) return problem(error.status, error.message);
    throw error;
  }
}

function route(upstream: Upstream, { path, query }: ApiRequest): ApiResponse {
  if (path === '/markets/keyset') return keyset(upstream, query);
  if (path === '/events/keyset') return events(upstream, query);
  if (path === '/markets') return legacy(upstream, query);
  const [, kind, slug] = /^\/markets\/(slug\/)?([^/]+)$/.exec(path) ?? [];
  if (slug === undefined) return problem(404, 'not found');
  const name = decodeURIComponent(slug);
  const entry = upstream
    .markets()
    .find((market) => (kind === undefined ? String(market.id) === name : market.slug === name));
  return entry === undefined
    ? problem(404, `${kind === undefined ? 'id' : 'slug'} not found`)
    : ok(entry.object());
}

function keyset(upstream: Upstream, query: URLSearchParams): ApiResponse {
  const { page, nextCursor } = keysetPage(upstream.markets(), query);
  return ok({
    markets: page.map((entry) => entry.object()),
    ...(nextCursor === undefined ? {} : { next_cursor: nextCursor }),
  });
}

function legacy(upstream: Upstream, query: URLSearchParams): ApiResponse {
  const offset = Number(query.get('offset') ?? 0);
  if (!Number.isInteger(offset) || offset < 0)
    throw new GammaRefusal(422, 'offset must be a non-negative integer');
  if (offset > MAX_OFFSET) {
    throw new GammaRefusal(422, 'offset too large, use /markets/keyset for deeper pagination');
  }
  const page = select(upstream.markets(), query).slice(offset, offset + pageSize(query));
  return { ...ok(page.map((entry) => entry.object())), headers: DEPRECATION };
}

/** Events of the listed markets by ascending id, their markets nested; `closed` means all its markets are. */
function events(upstream: Upstream, query: URLSearchParams): ApiResponse {
  if (query.has('offset')) throw new GammaRefusal(422, 'offset is not supported, use after_cursor');
  const closed = query.get('closed') === 'true';
  const groups = new Map<number, { readonly event: GammaMarket; readonly entries: MarketEntry[] }>();
  for (const entry of upstream.markets()) {
    const [event] = (entry.object()['events'] ?? []) as GammaMarket[];
    if (event === undefined) continue;
    const id = Number(event['id']);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, { event, entries: [entry] });
    else group.entries.push(entry);
  }
  const after = Number(query.get('after_cursor') ?? -1);
  if (!Number.isInteger(after)) throw new GammaRefusal(422, 'invalid cursor');
  const matching = [...groups]
    .filter(([id, { entries }]) => id > after && entries.every((entry) => entry.closed) === closed)
    .sort(([a], [b]) => a - b);
  const page = matching.slice(0, pageSize(query, MAX_EVENTS));
  const last = page.at(-1);
  return ok({
    events: page.map(([, { event, entries }]) => ({ ...event, closed, markets: entries.map(withoutEvents) })),
    ...(last !== undefined && page.length < matching.length ? { next_cursor: String(last[0]) } : {}),
  });
}

function withoutEvents(entry: MarketEntry): GammaMarket {
  const market: Record<string, unknown> = { ...entry.object() };
  delete market['events'];
  return market;
}

function ok(body: unknown): ApiResponse {
  return { status: 200, body };
}

function problem(status: number, error: string): ApiResponse {
  return { status, body: { type: status === 404 ? 'not found error' : 'validation error', error } };
}
