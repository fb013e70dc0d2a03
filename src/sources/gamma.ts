import { isRecord } from '../domain/fields.ts';
import { badBody, getJson, upstream, upstreamError, type Upstream } from './http.ts';

/** Gamma clamps pages to this many markets, whatever `limit` says. */
export const GAMMA_MAX_PAGE = 100;
/** Ids in one look-up: about 50 token ids overflow the server's URL limit of 8 KB. */
export const GAMMA_MAX_LOOKUP = 40;

export interface GammaOptions {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
}

export interface MarketsQuery {
  /** Gamma shows open markets only unless told, so every sweep is one of the two. */
  readonly closed: boolean;
  /** camelCase JSON name: `id`, `createdAt`, `volumeNum`, `endDate`… */
  readonly order?: string;
  readonly ascending?: boolean;
  /** `nextCursor` of the page before. It is bound to its query: resend the same order and filters. */
  readonly afterCursor?: string;
  readonly limit?: number;
  /** RFC 3339. */
  readonly endDateMin?: string;
  readonly signal?: AbortSignal;
}

export interface MarketsPage {
  /** Market objects as Gamma sent them, unchecked. */
  readonly markets: unknown[];
  /** Undefined on the last page. */
  readonly nextCursor: string | undefined;
}

/** Where a token is kept: it says under which name the market API lists it. */
export type Ledger = 'ctf' | 'pm';

type Parameter = [name: string, value: string];

/** Polymarket's market API: keyset pages and look-ups by id. One HTTP request a call; all errors are UpstreamError. */
export class GammaSource {
  readonly #api: Upstream;

  constructor(options: GammaOptions) {
    this.#api = upstream({ name: 'Gamma', ...options });
  }

  /** One page of markets. @throws UpstreamError, GAMMA_CURSOR_STUCK when the cursor does not move */
  async fetchMarkets(query: MarketsQuery): Promise<MarketsPage> {
    const { order, ascending, afterCursor, endDateMin } = query;
    const parameters: Parameter[] = [
      ['closed', String(query.closed)],
      ['limit', String(query.limit ?? GAMMA_MAX_PAGE)],
    ];
    if (order !== undefined) parameters.push(['order', order]);
    if (ascending !== undefined) parameters.push(['ascending', String(ascending)]);
    if (endDateMin !== undefined) parameters.push(['end_date_min', endDateMin]);
    if (afterCursor !== undefined) parameters.push(['after_cursor', afterCursor]);
    const page = await this.#get(parameters, query.signal);
    if (page.nextCursor !== undefined && page.nextCursor === afterCursor) {
      // A server that ignores the cursor answers 200 with its first page, for ever.
      const what = 'answered with the cursor that was sent: the page does not move';
      throw upstreamError(this.#api, 'GAMMA_CURSOR_STUCK', what, { retry: 'attempt' });
    }
    return page;
  }

  /**
   * The markets (open or closed, not both) that hold any of up to 40 token ids: of conditional tokens (`ctf`), or positions
   * of the PositionManager (`pm`).
   */
  lookupTokens(
    ledger: Ledger,
    tokenIds: readonly string[],
    closed: boolean,
    signal?: AbortSignal,
  ): Promise<unknown[]> {
    const name = ledger === 'pm' ? 'position_ids' : 'clob_token_ids';
    return this.#lookup(name, tokenIds, closed, signal);
  }

  /** The markets (open or closed, not both) with any of up to 40 Gamma ids. */
  lookupIds(ids: readonly string[], closed: boolean, signal?: AbortSignal): Promise<unknown[]> {
    return this.#lookup('id', ids, closed, signal);
  }

  async #lookup(
    name: string,
    values: readonly string[],
    closed: boolean,
    signal: AbortSignal | undefined,
  ): Promise<unknown[]> {
    if (values.length === 0) return [];
    if (values.length > GAMMA_MAX_LOOKUP) {
      throw new RangeError(`At most ${GAMMA_MAX_LOOKUP} ids fit in one look-up, not ${values.length}.`);
    }
    const page = await this.#get(
      [
        ['closed', String(closed)],
        ['limit', String(GAMMA_MAX_PAGE)],
        ...values.map((value): Parameter => [name, value]),
      ],
      signal,
    );
    if (page.markets.length >= GAMMA_MAX_PAGE) {
      throw badBody(
        this.#api,
        `answered a look-up of ${values.length} ids with a full page: it ignored ${name}`,
      );
    }
    return page.markets;
  }

  async #get(parameters: Parameter[], signal: AbortSignal | undefined): Promise<MarketsPage> {
    const query = new URLSearchParams(parameters);
    const body = await getJson(this.#api, `${this.#api.url}/markets/keyset?${query.toString()}`, signal);
    if (!isRecord(body) || !Array.isArray(body['markets'])) {
      throw badBody(this.#api, 'answered without a list of markets');
    }
    const next = body['next_cursor'] ?? '';
    if (typeof next !== 'string') throw badBody(this.#api, 'answered with a next_cursor that is not text');
    return { markets: body['markets'] as unknown[], nextCursor: next === '' ? undefined : next };
  }
}
