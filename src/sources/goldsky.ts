import { GraphQLClient } from 'graphql-request';
import { isRecord } from '../domain/fields.ts';
import { graphqlError, isUnknownMeta } from './goldskyErrors.ts';
import { badBody, fetchBody, parseJsonBody, upstream, upstreamError, type Upstream } from './http.ts';
import {
  lacksKnown,
  nextCursor,
  type SubgraphCursor,
  type SubgraphHead,
  type SubgraphPage,
} from './subgraphPage.ts';
import { UpstreamError } from './upstreamError.ts';

export type { SubgraphCursor, SubgraphHead, SubgraphPage } from './subgraphPage.ts';

/** graph-node refuses larger pages. */
export const GOLDSKY_MAX_PAGE = 1000;

/**
 * A reorg reaches this far back from the newest block, in seconds: graph-node's ETHEREUM_REORG_THRESHOLD of 250 blocks
 * of 2 s, and a margin.
 */
export const REORG_WINDOW_S = 600;

export interface GoldskyOptions {
  /** The subgraph's GraphQL endpoint. */
  readonly url: string;
  /** Records a request, 1 to 1000. */
  readonly pageSize?: number;
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
}

export interface FetchPageOptions {
  readonly signal?: AbortSignal;
  /** Overrides the source's page size for this request: after an error with `shrink`. */
  readonly pageSize?: number;
  /** Only records before this second. */
  readonly before?: number;
  /** A record that an earlier answer held and this one has to hold, too. */
  readonly known?: SubgraphCursor;
}

/** How far a timestamp may lie ahead of our clock, in seconds: one beyond is not believed. */
const BELIEVED_AHEAD_S = 86_400;

const META = '_meta { block { number timestamp } hasIndexingErrors }';

function pageQuery(meta: string): string {
  return `query OrderFilledEvents($first: Int!, $where: OrderFilledEvent_filter!) {
  orderFilledEvents(orderBy: timestamp, orderDirection: asc, first: $first, where: $where) {
    fee id maker makerAmountFilled makerAssetId orderHash
    taker takerAmountFilled takerAssetId timestamp transactionHash
  }
  ${meta}
}`;
}

/**
 * Order events from the orderbook subgraph, a page a call, by (timestamp, id). Ties in `timestamp` are ordered by id
 * on the server. The two plain filters are used in turn, not one `or`: its plans ran into the server's time limit.
 */
export class GoldskySource {
  readonly #api: Upstream;
  readonly #client: GraphQLClient;
  readonly #pageSize: number;
  /** Some deployments know no `_meta`, or no timestamp in it: learnt from the first refusal. */
  #withMeta = true;

  constructor(options: GoldskyOptions) {
    const { pageSize, ...api } = options;
    this.#api = upstream({ name: 'Goldsky', ...api });
    this.#pageSize = checkedPageSize(pageSize ?? GOLDSKY_MAX_PAGE);
    this.#client = new GraphQLClient(this.#api.url, {
      fetch: (input, init) => this.#fetch(input, init),
      jsonSerializer: { stringify: JSON.stringify, parse: (body) => parseJsonBody(this.#api, body) },
      errorPolicy: 'all',
    });
  }

  /**
   * The records after `cursor`: one request (two the first time a server refuses `_meta`). Without an id in the cursor they
   * are of second `cursor.timestamp` and later, with an id they are the rest of that second.
   *
   * @throws UpstreamError, `shrink` set where a smaller page may help; an error is never an empty page.
   *   UPSTREAM_LAGGING and UPSTREAM_LOST_EVENTS where the answer lacks `known`
   */
  async fetchPage(cursor: SubgraphCursor, options: FetchPageOptions = {}): Promise<SubgraphPage> {
    const pageSize = options.pageSize === undefined ? this.#pageSize : checkedPageSize(options.pageSize);
    const { before, known } = options;
    const data = await this.#query(cursor, pageSize, options);
    const records = data['orderFilledEvents'];
    if (!Array.isArray(records)) throw badBody(this.#api, 'answered without a list of order events');
    const head = this.#head(data['_meta']);
    const latest = latestBelieved();
    const result = nextCursor(records, cursor, pageSize, { latest, before });
    if (!result.ok) {
      if (result.problem === 'untrusted') throw badBody(this.#api, result.what);
      throw upstreamError(this.#api, 'GOLDSKY_CURSOR_STUCK', result.what, { retry: 'attempt' });
    }
    if (known !== undefined && lacksKnown(records, known, result.full, latest)) throw this.#lost(known, head);
    return {
      records: (records as unknown[]).slice(0, result.keep),
      next: result.next,
      known: result.known,
      full: result.full,
      sameSecond: cursor.id !== '',
      head,
    };
  }

  /** An empty or short page is not the end where more is known to be there. */
  #lost(known: SubgraphCursor, head: SubgraphHead | undefined): UpstreamError {
    if (head !== undefined && head.timestamp < known.timestamp) {
      const what = `answered from a node that lags: it has indexed only up to second ${head.timestamp}`;
      return upstreamError(this.#api, 'UPSTREAM_LAGGING', what, { retry: 'wait' });
    }
    const what = `answered without an event of second ${known.timestamp} that it gave before`;
    return upstreamError(this.#api, 'UPSTREAM_LOST_EVENTS', what, {
      retry: 'wait',
      context: head === undefined ? {} : { headTimestamp: head.timestamp },
    });
  }

  async #query(
    cursor: SubgraphCursor,
    first: number,
    { before, signal }: FetchPageOptions,
  ): Promise<Record<string, unknown>> {
    const until = before === undefined ? {} : { timestamp_lt: String(before) };
    const where =
      cursor.id === ''
        ? { timestamp_gt: String(cursor.timestamp - 1), ...until }
        : { timestamp: String(cursor.timestamp), id_gt: cursor.id };
    const request = { variables: { first, where }, ...(signal === undefined ? {} : { signal }) };
    const askedMeta = this.#withMeta;
    let { data, errors } = await this.#request({ query: pageQuery(askedMeta ? META : ''), ...request });
    if (askedMeta && isUnknownMeta(errors)) {
      this.#withMeta = false;
      ({ data, errors } = await this.#request({ query: pageQuery(''), ...request }));
    }
    if (hasErrors(errors)) throw graphqlError(this.#api, errors);
    if (!isRecord(data)) throw badBody(this.#api, 'answered without data');
    return data;
  }

  async #request(request: {
    query: string;
    variables: object;
    signal?: AbortSignal;
  }): Promise<{ data?: unknown; errors?: unknown }> {
    try {
      return await this.#client.rawRequest<unknown>(request);
    } catch (error) {
      // Some servers refuse a query with status 400, where graph-node answers 200: to be read as errors, too.
      if (error instanceof UpstreamError && error.context['status'] === 400) return { errors: [error] };
      if (error instanceof UpstreamError) throw error;
      // What is left is graphql-request refusing the shape of the answer; its message quotes the whole of it.
      throw badBody(this.#api, 'answered with something that is no GraphQL result');
    }
  }

  /** Time, size, status and HTML are checked here, the JSON in the client's serializer: it is parsed once. */
  async #fetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    const url = input instanceof Request ? input.url : input;
    const body = await fetchBody(this.#api, url, init);
    // What is text already would be encoded and decoded once more.
    const response = new Response(null, { headers: { 'content-type': 'application/json' } });
    return Object.assign(response, { text: () => Promise.resolve(body) });
  }

  #head(meta: unknown): SubgraphHead | undefined {
    if (!isRecord(meta)) return undefined;
    if (meta['hasIndexingErrors'] === true) {
      // Past its own indexing errors a subgraph may lack events for good: what follows could not be called complete.
      const what = 'says that it has indexing errors: its events may be incomplete (indexing_error)';
      throw upstreamError(this.#api, 'UPSTREAM_REJECTED', what, { retry: 'never' });
    }
    const block = meta['block'];
    if (!isRecord(block)) return undefined;
    const { number, timestamp } = block;
    if (typeof number !== 'number' || typeof timestamp !== 'number') return undefined;
    if (!Number.isSafeInteger(timestamp) || timestamp < 0 || timestamp > latestBelieved()) return undefined;
    return { blockNumber: number, timestamp };
  }
}

function latestBelieved(): number {
  return Math.floor(Date.now() / 1000) + BELIEVED_AHEAD_S;
}

function hasErrors(errors: unknown): boolean {
  return Array.isArray(errors) ? errors.length > 0 : errors !== undefined && errors !== null;
}

function checkedPageSize(pageSize: number): number {
  if (Number.isInteger(pageSize) && pageSize >= 1 && pageSize <= GOLDSKY_MAX_PAGE) return pageSize;
  throw new RangeError(`A page holds 1 to ${GOLDSKY_MAX_PAGE} records, not ${pageSize}.`);
}
