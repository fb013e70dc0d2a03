import type { MarketSpec } from './markets.ts';
import type { Random } from './random.ts';

/** A maker order's part in a match. Price in thousandths of a dollar; amounts in base units. */
export interface MakerPart {
  readonly outcome: number;
  readonly side: 'BUY' | 'SELL';
  readonly price: number;
  readonly tokens: number;
  readonly usd: number;
}

/** One taker order against its makers: shares and collateral balance to the unit. */
export interface Match {
  readonly outcome: number;
  readonly side: 'BUY' | 'SELL';
  readonly makers: readonly MakerPart[];
  /** What the taker order gets and gives over all makers. */
  readonly tokens: number;
  readonly usd: number;
}

const CENT_SHARE = 10_000;
const LARGEST = 2_000_000_000_000;

/** Draws a match around the market's price of its first outcome (thousandths). */
export function drawMatch(random: Random, market: MarketSpec, price: number, dustShare: number): Match {
  const outcomes = market.outcomes.length;
  const outcome = outcomes === 2 ? random.below(2) : random.below(outcomes);
  const side = random.chance(0.6) ? 'BUY' : 'SELL';
  if (random.chance(dustShare)) return dust(random, outcome, side, priceOf(outcome, price));
  const count = makerCount(random);
  const sizes = splitSizes(random, count);
  const makers = sizes.map((tokens, i) =>
    // Each further maker is up to a tick worse for the taker.
    part(random, market, outcome, side, price, tokens, Math.floor(i / 2)),
  );
  return total(outcome, side, makers);
}

/** Adds up the taker's side of its makers. */
function total(outcome: number, side: 'BUY' | 'SELL', makers: readonly MakerPart[]): Match {
  let tokens = 0;
  let usd = 0;
  for (const maker of makers) {
    tokens += maker.tokens;
    // In a mint or a merge each pair of shares is worth one dollar: the taker has what the maker leaves.
    usd += maker.side === side ? maker.tokens - maker.usd : maker.usd;
  }
  return { outcome, side, makers, tokens, usd };
}

function part(
  random: Random,
  market: MarketSpec,
  outcome: number,
  side: 'BUY' | 'SELL',
  firstPrice: number,
  tokens: number,
  depth: number,
): MakerPart {
  const { tick } = market;
  const worse = (side === 'BUY' ? 1 : -1) * tick * depth;
  const own = clampPrice(priceOf(outcome, firstPrice) + worse, tick);
  // With three outcomes a share's complement is not one other share: such makers always hold the same token.
  if (market.outcomes.length === 2 && random.chance(0.45)) {
    const price = 1000 - own;
    return { outcome: 1 - outcome, side, price, tokens, usd: usdOf(random, tokens, price) };
  }
  return {
    outcome,
    side: side === 'BUY' ? 'SELL' : 'BUY',
    price: own,
    tokens,
    usd: usdOf(random, tokens, own),
  };
}

/** The exchange rounds down; which of the two parties' amounts was derived decides who loses the unit. */
function usdOf(random: Random, tokens: number, price: number): number {
  const exact = (tokens * price) / 1000;
  return random.chance(0.5) ? Math.floor(exact) : Math.min(tokens, Math.ceil(exact));
}

/** Fills of nothing, or of one base unit that is worth nothing. */
function dust(random: Random, outcome: number, side: 'BUY' | 'SELL', price: number): Match {
  const tokens = random.below(3);
  const usd = Math.floor((tokens * price) / 1000);
  return total(outcome, side, [{ outcome, side: side === 'BUY' ? 'SELL' : 'BUY', price, tokens, usd }]);
}

function priceOf(outcome: number, firstPrice: number): number {
  return outcome === 0 ? firstPrice : 1000 - firstPrice;
}

function clampPrice(price: number, tick: number): number {
  return Math.min(1000 - tick, Math.max(tick, price));
}

/** Mostly one maker, mean about 1.35. */
function makerCount(random: Random): number {
  if (random.chance(0.82)) return 1;
  return 2 + Math.min(10, random.poisson(0.9));
}

/** Shares of each maker in base units: round lots of 0.01 share, or what a round dollar amount buys. */
function splitSizes(random: Random, count: number): number[] {
  const shares = Math.min(LARGEST, random.lognormal(20_000_000, 1.7));
  const sizes: number[] = [];
  for (let i = 0; i < count; i++) {
    const size = (shares / count) * (0.5 + random.next());
    sizes.push(
      random.chance(0.5) ? Math.ceil(size / CENT_SHARE) * CENT_SHARE : Math.max(1, Math.floor(size)),
    );
  }
  return sizes;
}
