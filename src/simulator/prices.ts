import type { MarketSpec } from './markets.ts';
import { walk } from './random.ts';

/**
 * The price of the first outcome at a second, in thousandths of a dollar, on the market's tick and strictly
 * between 0 and 1: a random walk of the log-odds that is drawn towards the result as the end comes near.
 */
export function priceAt(market: MarketSpec, second: number): number {
  const progress = progressAt(market, second);
  const start = Math.log(market.startPrice / (1 - market.startPrice));
  const pull = (market.winner === 0 ? 1 : -1) * 4 * progress ** 3;
  const odds = start * (1 - progress ** 3) + pull + 1.2 * walk(market.key, progress * 4, 7);
  const price = Math.round(1000 / (1 + Math.exp(-odds)) / market.tick) * market.tick;
  return Math.min(1000 - market.tick, Math.max(market.tick, price));
}

/** Dollars traded up to a second: grows from 0 at the opening to the final volume at the end. */
export function volumeAt(market: MarketSpec, second: number): number {
  const progress = progressAt(market, second);
  return Math.round(market.finalVolume * progress ** 1.5 * 1e6) / 1e6;
}

function progressAt(market: MarketSpec, second: number): number {
  const life = market.endsAt - market.opensAt + 1;
  return Math.min(1, Math.max(0, (second - market.opensAt) / life));
}
