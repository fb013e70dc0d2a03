import type { MarketKind, MarketSpec } from './markets.ts';
import type { Match } from './matches.ts';

/** V1's gross fee ceiling in the 5-minute markets, as a share. */
const V1_RATE = 0.1;
/** V2 and later, of shares x p x (1 - p). */
const RATES: Readonly<Record<MarketKind, number>> = {
  updown: 0.07,
  sports: 0.05,
  threeWay: 0.05,
  question: 0.04,
  group: 0.04,
};
/** Five decimals of a dollar, in base units. */
const STEP = 10;

/** What the taker order's own event says as its fee, in base units. */
export function takerFee(market: MarketSpec, match: Match, version: 1 | 2 | 3): number {
  if (match.tokens === 0) return 0;
  const price = match.usd / match.tokens;
  return version === 1 ? grossFee(market, match, price) : collateralFee(market, match, price);
}

/** V1: in what the taker receives: shares for a buy, dollars for a sale. */
function grossFee(market: MarketSpec, match: Match, price: number): number {
  if (market.kind !== 'updown') return 0;
  const dollars = V1_RATE * Math.min(price, 1 - price) * match.tokens;
  return Math.max(0, Math.floor(match.side === 'BUY' && price > 0 ? dollars / price : dollars));
}

/** V2, V3: in collateral, cut after five decimals as in the real logs. */
function collateralFee(market: MarketSpec, match: Match, price: number): number {
  const exact = match.tokens * RATES[market.kind] * price * (1 - price);
  return Math.max(0, Math.floor(exact / STEP) * STEP);
}
