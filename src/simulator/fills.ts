import { BLOCK_SECONDS } from './chain.ts';
import { breakRow } from './malformed.ts';
import type { MarketSpec } from './markets.ts';
import { drawMatch, type Match } from './matches.ts';
import type { OpenMarkets } from './openMarkets.ts';
import { priceAt } from './prices.ts';
import { address, hash32, Random, tokenId } from './random.ts';
import {
  compareIds,
  CTF_EXCHANGE,
  NEG_RISK_EXCHANGE,
  toRow,
  type Fill,
  type UpstreamEvent,
} from './upstream.ts';

export interface FillOptions {
  readonly seed: number;
  /** Mean order events a second, bursts not counted. */
  readonly eventsPerSecond: number;
  /** Chance that a block is a burst, and the mean number of events it then has on top. */
  readonly burstProbability: number;
  readonly burstEvents: number;
  /** Share of matches of zero or one base unit. */
  readonly dustShare: number;
  /** Share of matches in tokens that no market lists. */
  readonly unknownTokenShare: number;
  /** Share of fills that an operator makes alone: no taker order, no event of the exchange itself. */
  readonly operatorShare: number;
  /** Share of events served broken. */
  readonly malformedShare: number;
  readonly wallets: number;
}

/** Mean events of a match: its makers' and one for the taker order. */
const EVENTS_PER_MATCH = 2.34;
/** A resting order is filled for about this long, then its owner places a new one. */
const ORDER_SECONDS = 60;
const COMBOS_PER_HOUR = 40;
const OPERATORS = 50;
/** Gross fee ceiling of the 5-minute markets, as a share. */
const FEE_RATE = 0.1;

/** Draws the fills of blocks. What happens in a block depends on the options and its second, nothing else. */
export class FillGenerator {
  readonly #options: FillOptions;
  readonly #markets: OpenMarkets;
  readonly #wallets: string[] = [];

  constructor(options: FillOptions, markets: OpenMarkets) {
    this.#options = options;
    this.#markets = markets;
  }

  /** The events of the block at a second, by id. */
  block(second: number, blockNumber: number): UpstreamEvent[] {
    const options = this.#options;
    const random = new Random(options.seed, second);
    const mean = (options.eventsPerSecond * BLOCK_SECONDS) / EVENTS_PER_MATCH;
    const burst = random.chance(options.burstProbability) ? options.burstEvents / EVENTS_PER_MATCH : 0;
    const count = random.poisson(mean) + (burst > 0 ? random.poisson(burst) : 0);
    const events: UpstreamEvent[] = [];
    const place: Place = { second, blockNumber, transactionHash: '', logIndex: random.below(200) };
    for (let i = 0; i < count; i++) {
      place.transactionHash = hash32(options.seed, 'tx', second, i);
      for (const fill of this.#transaction(random, place)) events.push(this.#event(random, fill));
    }
    return events.sort((a, b) => compareIds(a.id, b.id));
  }

  /** The fills of one transaction in the order of their logs: the makers', then the taker order's. */
  #transaction(random: Random, at: Place): Fill[] {
    const picked = this.#markets.pick(random, at.second);
    if (picked === undefined) return [];
    const market = random.chance(this.#options.unknownTokenShare)
      ? this.#combo(random, picked, at.second)
      : picked;
    const match = drawMatch(random, market, priceAt(market, at.second), this.#options.dustShare);
    const exchange = market.negRisk ? NEG_RISK_EXCHANGE : CTF_EXCHANGE;
    const alone = match.makers.length === 1 && random.chance(this.#options.operatorShare);
    const taker = alone ? this.#operator(random) : this.#wallet(random);
    const placedAt = Math.floor(at.second / ORDER_SECONDS);
    const orders = new Set<string>();
    const fills: Fill[] = [];
    for (const part of match.makers) {
      const maker = this.#wallet(random);
      const { seed } = this.#options;
      let order = hash32(seed, 'order', market.id, part.outcome, part.side, part.price, maker, placedAt);
      // An owner's second order at the same price: one order is filled once in a transaction.
      while (orders.has(order)) order = hash32(order);
      orders.add(order);
      at.logIndex += 2 + random.below(5);
      fills.push(fillOf(at, market, exchange, order, maker, taker, part, 0));
    }
    if (alone) return fills;
    at.logIndex += 2 + random.below(5);
    const order = hash32(at.transactionHash, 'taker');
    fills.push(fillOf(at, market, exchange, order, taker, exchange, match, takerFee(market, match)));
    return fills;
  }

  #event(random: Random, fill: Fill): UpstreamEvent {
    const row = toRow(fill);
    const event = { timestamp: fill.timestamp, id: row['id'] as string, row, fill };
    if (!random.chance(this.#options.malformedShare)) return event;
    return { ...event, ...breakRow(random, row) };
  }

  /** A market of its own tokens, which no market API lists. */
  #combo(random: Random, like: MarketSpec, second: number): MarketSpec {
    const combo = `${Math.floor(second / 3600)}/${random.zipf(COMBOS_PER_HOUR)}`;
    const tokenIds = [0, 1].map((outcome) => tokenId(this.#options.seed, 'combo', combo, outcome));
    return { ...like, kind: 'question', outcomes: ['Yes', 'No'], tokenIds, negRisk: false };
  }

  #wallet(random: Random): string {
    const rank = random.zipf(this.#options.wallets);
    return (this.#wallets[rank] ??= address(this.#options.seed, 'wallet', rank));
  }

  #operator(random: Random): string {
    return address(this.#options.seed, 'operator', random.zipf(OPERATORS));
  }
}

/** Where the next fill goes; moves on from log to log and transaction to transaction of a block. */
interface Place {
  readonly second: number;
  readonly blockNumber: number;
  transactionHash: string;
  logIndex: number;
}

function fillOf(
  at: Place,
  market: MarketSpec,
  exchange: string,
  orderHash: string,
  maker: string,
  taker: string,
  traded: Pick<Match, 'outcome' | 'side' | 'usd' | 'tokens'>,
  fee: number,
): Fill {
  const token = market.tokenIds[traded.outcome];
  if (token === undefined) throw new RangeError(`market ${market.id} has no outcome ${traded.outcome}`);
  return {
    timestamp: at.second,
    blockNumber: at.blockNumber,
    logIndex: at.logIndex,
    exchange,
    transactionHash: at.transactionHash,
    orderHash,
    maker,
    taker,
    side: traded.side,
    tokenId: token,
    usd: traded.usd,
    tokens: traded.tokens,
    fee,
  };
}

/** V1's gross fee, in what the taker receives: shares for a buy, dollars for a sale. */
function takerFee(market: MarketSpec, match: Match): number {
  if (market.kind !== 'updown' || match.tokens === 0) return 0;
  const price = match.usd / match.tokens;
  const dollars = FEE_RATE * Math.min(price, 1 - price) * match.tokens;
  return Math.max(0, Math.floor(match.side === 'BUY' && price > 0 ? dollars / price : dollars));
}
