import { EPOCH, SLOT_SECONDS, type MarketSpec } from './markets.ts';
import { priceAt, volumeAt } from './prices.ts';
import { hash32, unit } from './random.ts';
import type { GammaMarket } from './upstream.ts';

const UPDATE_SECONDS = 60;
const RESOLVER = '0x65070be91477460d8a7aeeb94ef92fe056c2f2a7';

/** The last second at or before `now` at which the market's object changed. */
export function updatedAt(market: MarketSpec, now: number): number {
  if (now >= market.resolvedAt) return market.resolvedAt;
  if (now < market.opensAt) return Math.max(market.createdAt, Math.min(now, market.listedAt));
  return Math.max(market.opensAt, market.listedAt, Math.floor(now / UPDATE_SECONDS) * UPDATE_SECONDS);
}

/** The market as Gamma's `/markets` shows it at a second: its types, its absences, strings that hold JSON. */
export function gammaObject(market: MarketSpec, now: number): GammaMarket {
  const updated = updatedAt(market, now);
  const closed = now >= market.resolvedAt;
  const prices = outcomePrices(market, updated, closed);
  return {
    id: String(market.id),
    question: market.question,
    conditionId: market.conditionId,
    questionID: hash32(market.conditionId, 'question'),
    slug: market.slug,
    resolutionSource: '',
    description: `This market resolves according to the title. ${market.question}`,
    startDate: iso(market.createdAt + 60, market.key),
    endDate: iso(market.endsAt + 1),
    startDateIso: iso(market.createdAt).slice(0, 10),
    endDateIso: iso(market.endsAt + 1).slice(0, 10),
    image: '',
    icon: '',
    outcomes: jsonList(market.outcomes),
    outcomePrices: jsonList(prices),
    clobTokenIds: jsonList(market.tokenIds),
    ...(market.version === '' ? {} : { version: market.version }),
    ...(market.version === 'v2' ? { positionIds: market.positionIds } : {}),
    ...volumes(market, updated, closed),
    ...book(market, prices, closed),
    active: true,
    closed,
    archived: false,
    restricted: true,
    new: false,
    featured: false,
    marketMakerAddress: '',
    submitted_by: RESOLVER,
    resolvedBy: RESOLVER,
    createdAt: iso(market.createdAt, market.key),
    updatedAt: iso(updated, market.key),
    ...(closed
      ? {
          closedTime: iso(market.resolvedAt).replace('T', ' ').replace('Z', '+00'),
          umaEndDate: iso(market.resolvedAt),
          umaResolutionStatus: 'resolved',
        }
      : {}),
    umaResolutionStatuses: closed ? '["proposed", "resolved"]' : '[]',
    umaBond: '500',
    umaReward: '5',
    groupItemTitle: market.groupItem,
    groupItemThreshold: '0',
    enableOrderBook: true,
    acceptingOrders: !closed,
    acceptingOrdersTimestamp: iso(market.createdAt + 30),
    orderPriceMinTickSize: market.tick / 1000,
    orderMinSize: 5,
    negRisk: market.negRisk,
    ...(market.negRisk
      ? { negRiskMarketID: hash32(market.eventId, 'group'), negRiskRequestID: hash32(market.id, 'request') }
      : {}),
    negRiskOther: false,
    automaticallyResolved: market.kind === 'updown',
    feesEnabled: market.kind === 'updown',
    ...(market.kind === 'updown'
      ? {
          feeType: 'crypto_fees',
          feeSchedule: { exponent: 1, rate: 0.07, takerOnly: true, rebateRate: 0.2 },
          eventStartTime: iso(market.endsAt + 1 - SLOT_SECONDS),
        }
      : {}),
    ...(market.kind === 'sports'
      ? {
          gameStartTime: iso(market.endsAt - 7200)
            .replace('T', ' ')
            .replace('Z', '+00'),
        }
      : {}),
    rfqEnabled: false,
    rewardsMinSize: 20,
    rewardsMaxSpread: 3.5,
    events: [eventOf(market, closed)],
  };
}

/** The event a market belongs to, as it is nested in the market. */
function eventOf(market: MarketSpec, closed: boolean): Record<string, unknown> {
  return {
    id: String(market.eventId),
    ticker: market.eventSlug,
    slug: market.eventSlug,
    title: market.eventTitle,
    active: true,
    closed,
    archived: false,
    createdAt: iso(market.createdAt),
    negRisk: market.negRisk,
    ...(market.kind === 'updown'
      ? { series: [{ id: '10684', ticker: 'up-or-down-5m', slug: 'up-or-down-5m', recurrence: '5m' }] }
      : {}),
  };
}

/** Absent altogether for some rows, as the real API has them. */
function volumes(market: MarketSpec, at: number, closed: boolean): Record<string, unknown> {
  const volume = volumeAt(market, at);
  if (volume === 0 || (closed && market.kind === 'updown' && unit(market.key, 19) < 0.15)) return {};
  const dayBefore = volumeAt(market, at - 86_400);
  return {
    volume: String(volume),
    volumeNum: volume,
    volumeClob: volume,
    volume24hr: closed ? 0 : Math.round((volume - dayBefore) * 1e6) / 1e6,
  };
}

function book(market: MarketSpec, prices: readonly string[], closed: boolean): Record<string, unknown> {
  if (closed && unit(market.key, 29) < 0.34) return {};
  const liquidity = Math.round(market.finalVolume * 0.05 * 1e4) / 1e4;
  const price = Number(prices[0]);
  const tick = market.tick / 1000;
  const round = (value: number): number => Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;
  return {
    liquidity: String(liquidity),
    liquidityNum: liquidity,
    liquidityClob: liquidity,
    bestBid: round(price - tick),
    bestAsk: round(price),
    spread: tick,
    lastTradePrice: price,
  };
}

function outcomePrices(market: MarketSpec, second: number, closed: boolean): string[] {
  if (closed) return market.outcomes.map((_, i) => (i === market.winner ? '1' : '0'));
  const first = priceAt(market, second);
  const rest = Math.round((1000 - first) / (market.outcomes.length - 1));
  return market.outcomes.map((_, i) => String((i === 0 ? first : rest) / 1000));
}

/** JSON as Gamma writes it inside strings: a space after the comma. */
function jsonList(items: readonly string[]): string {
  return `[${items.map((item) => JSON.stringify(item)).join(', ')}]`;
}

/** RFC 3339; with a key, six digits of a second that belong to it. */
function iso(second: number, key?: number): string {
  const text = new Date(Math.max(second, EPOCH) * 1000).toISOString();
  const fraction = key === undefined ? '' : `.${String(key % 1_000_000).padStart(6, '0')}`;
  return text.replace('.000', fraction);
}
