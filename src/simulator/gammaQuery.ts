import { hash32 } from './random.ts';
import type { GammaMarket, MarketEntry } from './upstream.ts';

/** What Gamma refuses, with its status and its error text. */
export class GammaRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const MAX_PAGE = 100;
const DEFAULT_PAGE = 20;
const MAX_LIST = 100;
/** The JSON names Gamma sorts by. */
const SORT_KEYS = [
  'id',
  'volumeNum',
  'liquidityNum',
  'volume24hr',
  'startDate',
  'endDate',
  'createdAt',
  'updatedAt',
  'closedTime',
] as const;
type SortKey = (typeof SORT_KEYS)[number];

interface Sort {
  readonly key: SortKey;
  readonly sign: 1 | -1;
}

/** The page size: silently clamped, whatever is asked for. */
export function pageSize(query: URLSearchParams, max = MAX_PAGE): number {
  const limit = Number(query.get('limit') ?? DEFAULT_PAGE);
  if (!Number.isInteger(limit) || limit < 0)
    throw new GammaRefusal(422, 'limit must be a non-negative integer');
  return Math.min(limit, max);
}

/** The entries that pass the query's filters, in its order. Unknown parameters are ignored, as upstream. */
export function select(entries: readonly MarketEntry[], query: URLSearchParams): readonly MarketEntry[] {
  const matching = filterEntries(entries, query);
  const sort = sortOf(query);
  if (sort === undefined) return matching;
  return matching.toSorted((a, b) => compare(sort, position(a, sort), position(b, sort)));
}

/** One page after a cursor, and the cursor of the next page if there is one. */
export function keysetPage(
  entries: readonly MarketEntry[],
  query: URLSearchParams,
): { readonly page: readonly MarketEntry[]; readonly nextCursor?: string } {
  if (query.has('offset')) throw new GammaRefusal(422, 'offset is not supported, use after_cursor');
  const sort = sortOf(query) ?? { key: 'id', sign: 1 };
  const bound = fingerprint(query);
  const after = readCursor(query.get('after_cursor'), bound);
  const sorted = select(entries, query);
  const start = after === undefined ? 0 : firstAfter(sorted, sort, after);
  const page = sorted.slice(start, start + pageSize(query));
  const last = page.at(-1);
  if (last === undefined || start + page.length >= sorted.length) return { page };
  return { page, nextCursor: writeCursor(position(last, sort), bound) };
}

function filterEntries(entries: readonly MarketEntry[], query: URLSearchParams): readonly MarketEntry[] {
  const closed = query.get('closed') === 'true';
  const tokens = listOf(query, 'clob_token_ids');
  const positions = listOf(query, 'position_ids');
  const conditions = listOf(query, 'condition_ids');
  const ids = listOf(query, 'id');
  const slugs = listOf(query, 'slug');
  if ((conditions?.size ?? 0) > MAX_LIST)
    throw new GammaRefusal(422, `condition_ids: at most ${MAX_LIST} values`);
  const bounds = [
    ...bound(query, 'volume_num', 'volumeNum', Number),
    ...bound(query, 'liquidity_num', 'liquidityNum', Number),
    ...bound(query, 'start_date', 'startDate', Date.parse),
    ...bound(query, 'end_date', 'endDate', Date.parse),
  ];
  return entries.filter(
    (entry) =>
      entry.closed === closed &&
      (tokens === undefined || entry.tokenIds.some((token) => tokens.has(token))) &&
      (positions === undefined || entry.positionIds.some((position) => positions.has(position))) &&
      (conditions === undefined || conditions.has(entry.conditionId)) &&
      (ids === undefined || ids.has(String(entry.id))) &&
      (slugs === undefined || slugs.has(entry.slug)) &&
      (bounds.length === 0 || bounds.every((test) => test(entry.object()))),
  );
}

/** Arrays are repeated keys; undefined when the key is not there. */
function listOf(query: URLSearchParams, name: string): ReadonlySet<string> | undefined {
  return query.has(name) ? new Set(query.getAll(name)) : undefined;
}

type Test = (market: GammaMarket) => boolean;

function bound(query: URLSearchParams, name: string, field: string, read: (text: string) => number): Test[] {
  const value = (market: GammaMarket): number => {
    const given = market[field];
    return typeof given === 'number' ? given : typeof given === 'string' ? read(given) : NaN;
  };
  const [min, max] = [query.get(`${name}_min`), query.get(`${name}_max`)];
  return [
    ...(min === null ? [] : [(market: GammaMarket) => value(market) >= read(min)]),
    ...(max === null ? [] : [(market: GammaMarket) => value(market) <= read(max)]),
  ];
}

function sortOf(query: URLSearchParams): Sort | undefined {
  const order = query.get('order');
  if (order === null || order === '') return undefined;
  const key = SORT_KEYS.find((one) => one === order);
  if (key === undefined) throw new GammaRefusal(422, 'order fields are not valid');
  return { key, sign: query.get('ascending') === 'false' ? -1 : 1 };
}

/** Where an entry stands: its sort value, then its id. */
type Position = readonly [value: number | string, id: number];

function position(entry: MarketEntry, { key }: Sort): Position {
  if (key === 'id') return [entry.id, entry.id];
  const value = entry.object()[key];
  const numeric = key === 'volumeNum' || key === 'liquidityNum' || key === 'volume24hr';
  if (numeric) return [typeof value === 'number' ? value : 0, entry.id];
  return [typeof value === 'string' ? value : '', entry.id];
}

function compare({ sign }: Sort, a: Position, b: Position): number {
  const order = a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1];
  return sign * order;
}

function firstAfter(sorted: readonly MarketEntry[], sort: Sort, after: Position): number {
  const index = sorted.findIndex((entry) => compare(sort, position(entry, sort), after) > 0);
  return index < 0 ? sorted.length : index;
}

/** A cursor belongs to the filters and the order it was made for. */
function fingerprint(query: URLSearchParams): string {
  const own = [...query].filter(([name]) => name !== 'after_cursor' && name !== 'limit');
  return hash32(...own.map(([name, value]) => `${name}=${value}`).sort()).slice(2, 14);
}

function writeCursor(last: Position, bound: string): string {
  return Buffer.from(JSON.stringify([bound, ...last])).toString('base64url');
}

function readCursor(cursor: string | null, bound: string): Position | undefined {
  if (cursor === null || cursor === '') return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    parts = undefined;
  }
  if (!Array.isArray(parts) || parts[0] !== bound) throw new GammaRefusal(422, 'invalid cursor');
  return [parts[1] as number | string, Number(parts[2])];
}
