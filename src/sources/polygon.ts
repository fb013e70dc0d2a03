import { LRUCache } from 'lru-cache';
import { upstream, upstreamError } from './http.ts';
import { findBlockAt } from './polygonBlockAt.ts';
import { PolygonEndpoint } from './polygonEndpoint.ts';
import { mergedPages } from './polygonMerge.ts';
import { EndpointPool } from './polygonPool.ts';
import type { BlockRef, Heads, LogsOptions, LogsPage, RequestOptions } from './polygonTypes.ts';

export type { BlockRef, Heads, LogsOptions, LogsPage, RequestOptions } from './polygonTypes.ts';

export interface PolygonOptions {
  /** JSON-RPC endpoints, the preferred one first. */
  readonly urls: readonly string[];
  /** Addresses of the exchange contracts. */
  readonly exchanges: readonly string[];
  /** Blocks behind the head that count as final where a node does not say. */
  readonly finalityBlocks: number;
  /** For each HTTP request. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
}

/** Blocks whose time is remembered: half a day of them, about 3 MB. */
const TIMES_KEPT = 20_000;
/** Blocks come every 2 s: a node that has none younger than this may stand still, or lag. */
const OLD_HEAD_MS = 12_000;
const LAGGING_BLOCKS = 3;
/** Shorter parts of a URL are words like "v2". */
const SHORTEST_KEY = 8;

/**
 * Order events from Polygon's logs, by JSON-RPC. Of several endpoints the first is asked, and the next ones where it fails;
 * a page is one node's answer, unless a second one is asked to confirm it.
 */
export class PolygonSource {
  readonly #endpoints: EndpointPool<PolygonEndpoint>;

  constructor({ urls, exchanges, finalityBlocks, ...common }: PolygonOptions) {
    const times = new LRUCache<string, number>({ max: TIMES_KEPT });
    const addresses = new Set(exchanges.map((address) => address.toLowerCase()));
    const endpoints = urls.map((url) => {
      const api = upstream({ name: 'Polygon', url, secrets: secretsOf(url), ...common });
      return new PolygonEndpoint({ api, exchanges: addresses, finalityBlocks, times });
    });
    this.#endpoints = new EndpointPool(endpoints);
  }

  /**
   * The ends of the chain: one request. Where its newest block is old, the
   * other nodes are asked as well: the one that is furthest counts, and one that stands still is passed over for a while.
   * @throws UpstreamError
   */
  async heads(options: RequestOptions & { also?: number } = {}): Promise<Heads> {
    const ask = (endpoint: PolygonEndpoint) => endpoint.heads(options);
    const first = await this.#endpoints.use(0, ask);
    const ageMs = Date.now() - first.value.latest.timestamp * 1000;
    if (ageMs < OLD_HEAD_MS) return first.value;
    let heads = first.value;
    for (const { value } of await this.#endpoints.others(first.endpoint, ask)) {
      if (value.latest.number > heads.latest.number) heads = value;
    }
    if (heads.latest.number - first.value.latest.number > LAGGING_BLOCKS) {
      const what = `lags: its newest block is ${first.value.latest.number}, another node's ${heads.latest.number}`;
      const { api } = first.endpoint;
      this.#endpoints.passOver(
        first.endpoint,
        upstreamError(api, 'UPSTREAM_LAGGING', what, { retry: 'wait' }),
      );
    }
    return heads;
  }

  /**
   * The logs of the blocks from `from` on, as many as a node gives at once: `to` of the page says how far it goes, and is
   * beyond `from`. One request, more where a range is refused or the node leaves out times.
   *
   * @throws UpstreamError, UPSTREAM_LAGGING where no node has the blocks, UPSTREAM_TOO_EXPENSIVE where a single block is refused
   */
  async fetchLogs(options: LogsOptions): Promise<LogsPage> {
    const { from, to, rotate = 0 } = options;
    if (!Number.isSafeInteger(from) || from < 0 || !(to > from)) {
      throw new RangeError(`Blocks ${from} to ${to} are no range.`);
    }
    const { value, endpoint } = await this.#endpoints.use(rotate, (one) => one.page(options));
    return options.confirm === true ? await this.#confirmed(value, endpoint, options) : value;
  }

  /** The newest block at or before a unix second; a few requests. @throws UpstreamError */
  async blockAt(timestamp: number, options: RequestOptions = {}): Promise<BlockRef> {
    const found = await this.#endpoints.use(0, async (endpoint) => {
      const latest = await endpoint.block('latest', options);
      return findBlockAt(timestamp, latest, (number) => endpoint.block(number, options));
    });
    return found.value;
  }

  /** The page as two endpoints see it, as far as both give it; as it is where no second one can help. */
  async #confirmed(page: LogsPage, first: PolygonEndpoint, options: LogsOptions): Promise<LogsPage> {
    const ask = (one: PolygonEndpoint) => one.page({ ...options, to: page.to });
    const other = await this.#endpoints.another(first, ask);
    return other === undefined ? page : mergedPages(other.endpoint.api, page, other.value);
  }
}

/** What of an RPC URL may be a key. */
function secretsOf(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { pathname, search, username, password } = new URL(url);
  return [username, password, ...pathname.split('/'), ...search.split(/[?&=]/)].filter(
    (part) => part.length >= SHORTEST_KEY,
  );
}
