import type { GammaMarket, MarketEntry } from './upstream.ts';

type Json = Readonly<Record<string, unknown>>;

/** Beyond every real id: the places of markets whose id cannot be used. */
const NO_ID = 2 ** 52;
/** CLOB markets have no Gamma id; they get numbers from here. */
const FIRST_MADE_ID = 900_000;

/** Any JSON object as a market of the catalogue. `place` orders those without a usable id. */
export function entryOf(object: GammaMarket, place: number): MarketEntry {
  const id = object['id'];
  return {
    id: typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : NO_ID + place,
    closed: object['closed'] === true,
    conditionId: text(object['conditionId']),
    slug: text(object['slug']),
    tokenIds: strings(object['clobTokenIds']),
    positionIds: strings(object['positionIds']),
    object: () => object,
  };
}

/**
 * Turns recorded objects into Gamma markets: Gamma markets as they are, the markets nested in Gamma events with
 * their event, CLOB markets with made ids (in the order of their first appearance; of several with one condition
 * id the last wins).
 */
export function toGammaMarkets(recorded: Iterable<Json>): GammaMarket[] {
  const markets: GammaMarket[] = [];
  const clobPlaces = new Map<string, number>();
  for (const object of recorded) {
    if (Array.isArray(object['tokens']) && 'condition_id' in object) {
      const condition = text(object['condition_id']);
      const known = condition === '' ? undefined : clobPlaces.get(condition);
      const place = known ?? markets.length;
      markets[place] = fromClob(object, FIRST_MADE_ID + place);
      clobPlaces.set(condition, place);
    } else if (Array.isArray(object['markets'])) {
      const { markets: nested, ...event } = object;
      for (const market of nested as Json[]) markets.push({ events: [event], ...market });
    } else {
      markets.push(object);
    }
  }
  return markets;
}

/** A market of CLOB's `/markets` in Gamma's shape. What CLOB does not know (volume, creation) is absent. */
function fromClob(clob: Json, id: number): GammaMarket {
  const tokens = clob['tokens'] as Json[];
  const won = tokens.some((token) => token['winner'] === true);
  const price = (token: Json): string =>
    won ? (token['winner'] === true ? '1' : '0') : text(token['price'] ?? 0);
  return {
    id: String(id),
    conditionId: clob['condition_id'],
    questionID: clob['question_id'],
    question: clob['question'],
    slug: clob['market_slug'],
    description: clob['description'],
    outcomes: JSON.stringify(tokens.map((token) => token['outcome'])),
    outcomePrices: JSON.stringify(tokens.map(price)),
    clobTokenIds: JSON.stringify(tokens.map((token) => token['token_id'])),
    active: clob['active'],
    closed: clob['closed'],
    archived: clob['archived'],
    negRisk: clob['neg_risk'],
    enableOrderBook: clob['enable_order_book'],
    acceptingOrders: clob['accepting_orders'],
    orderPriceMinTickSize: clob['minimum_tick_size'],
    orderMinSize: clob['minimum_order_size'],
    ...(typeof clob['end_date_iso'] === 'string' ? { endDate: clob['end_date_iso'] } : {}),
    ...(typeof clob['accepting_order_timestamp'] === 'string'
      ? { createdAt: clob['accepting_order_timestamp'] }
      : {}),
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** A list of strings, given as such or as JSON inside a string; empty for anything else. */
function strings(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((item) => typeof item === 'string');
  if (typeof value !== 'string' || !value.startsWith('[')) return [];
  try {
    return strings(JSON.parse(value));
  } catch {
    return [];
  }
}
