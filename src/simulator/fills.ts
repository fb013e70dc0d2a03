import { BLOCK_SECONDS } from './chain.ts';
import { exchangeOf } from './contracts.ts';
import { takerFee } from './fees.ts';
import { positionIds, type MarketSpec } from './markets.ts';
import { drawMatch, type Match } from './matches.ts';
import type { OpenMarkets } from './openMarkets.ts';
import { priceAt } from './prices.ts';
import { address, hash32, Random, tokenId } from './random.ts';
import type { FillTerms } from './upstream.ts';

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
  /** First unix second in which the V2 exchanges trade; never if undefined. */
  readonly cutover?: number | undefined;
  /** Share of the transactions that go on trading on V1 after the cutover. */
  readonly v1Share: number;
}

/** The fills of one transaction, in the order of their logs. */
export type Transaction = readonly FillTerms[];

/** Mean events of a match: its makers' and one for the taker order. */
const EVENTS_PER_MATCH = 2.34;
/** A resting order is filled for about this long, then its owner places a new one. */
const ORDER_SECONDS = 60;
const COMBOS_PER_HOUR = 40;
const OPERATORS = 50;
/** Apps that route orders and say so, and the share of the orders of V2 and later that they route. */
const BUILDERS = 5;
const BUILDER_SHARE = 0.2;
const METADATA_SHARE = 0.02;
const ZERO = `0x${'0'.repeat(64)}`;
const COMBO_MODULE = '03';

/** Draws the fills of blocks. What is drawn for a block depends on the options and its second, nothing else. */
export class FillGenerator {
  readonly #options: FillOptions;
  readonly #markets: OpenMarkets;
  readonly #wallets: string[] = [];

  constructor(options: FillOptions, markets: OpenMarkets) {
    this.#options = options;
    this.#markets = markets;
  }

  /** What is traded in the block at a second. */
  transactions(second: number): Transaction[] {
    const options = this.#options;
    const random = new Random(options.seed, second);
    const mean = (options.eventsPerSecond * BLOCK_SECONDS) / EVENTS_PER_MATCH;
    const burst = random.chance(options.burstProbability) ? options.burstEvents / EVENTS_PER_MATCH : 0;
    const count = random.poisson(mean) + (burst > 0 ? random.poisson(burst) : 0);
    return this.#draw(random, second, '', count);
  }

  /** Transactions of that second that are only on a fork. */
  extra(second: number, fork: string, count: number): Transaction[] {
    const random = new Random(this.#options.seed, Number.parseInt(hash32(fork, second).slice(2, 14), 16));
    return this.#draw(random, second, fork, count);
  }

  #draw(random: Random, second: number, fork: string, count: number): Transaction[] {
    const transactions: Transaction[] = [];
    for (let i = 0; i < count; i++) {
      const hash = hash32(this.#options.seed, 'tx', second, i, ...(fork === '' ? [] : [fork]));
      const fills = this.#transaction(random, second, hash);
      if (fills.length > 0) transactions.push(fills);
    }
    return transactions;
  }

  /** The fills of one transaction in the order of their logs: the makers', then the taker order's. */
  #transaction(random: Random, second: number, hash: string): Transaction {
    const { seed, dustShare, unknownTokenShare, operatorShare } = this.#options;
    const picked = this.#markets.pick(random, second);
    if (picked === undefined) return [];
    const market = random.chance(unknownTokenShare) ? this.#combo(random, picked, second) : picked;
    const version = this.#version(random, market, second);
    const match = drawMatch(random, market, priceAt(market, second), dustShare);
    const alone = match.makers.length === 1 && random.chance(operatorShare);
    const taker = alone ? this.#operator(random) : this.#wallet(random);
    const at = { market, version, transactionHash: hash, exchange: exchangeOf(version, market.negRisk) };
    const placedAt = Math.floor(second / ORDER_SECONDS);
    const orders: string[] = [];
    const fills: FillTerms[] = [];
    for (const part of match.makers) {
      const maker = this.#wallet(random);
      let order = hash32(seed, 'order', market.id, part.outcome, part.side, part.price, maker, placedAt);
      // An owner's second order at the same price: one order is filled once in a transaction.
      while (orders.includes(order)) order = hash32(order);
      orders.push(order);
      fills.push(fillOf(random, at, order, maker, taker, part, 0));
    }
    if (alone) return fills;
    const order = hash32(hash, 'taker');
    fills.push(fillOf(random, at, order, taker, at.exchange, match, takerFee(market, match, version)));
    return fills;
  }

  /** A market stays on one exchange; V1 may go on beside the others for a share of the transactions. */
  #version(random: Random, market: MarketSpec, second: number): 1 | 2 | 3 {
    const { cutover, v1Share } = this.#options;
    if (cutover === undefined || second < cutover || random.chance(v1Share)) return 1;
    return market.version === 'v2' ? 3 : 2;
  }

  /** A market of its own tokens, which no market API lists. */
  #combo(random: Random, like: MarketSpec, second: number): MarketSpec {
    const combo = `${Math.floor(second / 3600)}/${random.zipf(COMBOS_PER_HOUR)}`;
    const { seed } = this.#options;
    return {
      ...like,
      kind: 'question',
      outcomes: ['Yes', 'No'],
      tokenIds: [0, 1].map((outcome) => tokenId(seed, 'combo', combo, outcome)),
      positionIds: positionIds(COMBO_MODULE, hash32(seed, 'combo', combo), 2),
      negRisk: false,
    };
  }

  #wallet(random: Random): string {
    const rank = random.zipf(this.#options.wallets);
    return (this.#wallets[rank] ??= address(this.#options.seed, 'wallet', rank));
  }

  #operator(random: Random): string {
    return address(this.#options.seed, 'operator', random.zipf(OPERATORS));
  }
}

/** What the fills of a transaction have in common. */
interface Trading {
  readonly market: MarketSpec;
  readonly version: 1 | 2 | 3;
  readonly transactionHash: string;
  readonly exchange: string;
}

function fillOf(
  random: Random,
  { market, version, transactionHash, exchange }: Trading,
  orderHash: string,
  maker: string,
  taker: string,
  { outcome, side, usd, tokens }: Pick<Match, 'outcome' | 'side' | 'usd' | 'tokens'>,
  fee: number,
): FillTerms {
  const token = (version === 3 ? market.positionIds : market.tokenIds)[outcome];
  if (token === undefined) throw new RangeError(`market ${market.id} has no outcome ${outcome}`);
  const builder = version > 1 && random.chance(BUILDER_SHARE);
  const metadata = version > 1 && random.chance(METADATA_SHARE);
  return {
    exchange,
    transactionHash,
    orderHash,
    maker,
    taker,
    side,
    tokenId: token,
    usd,
    tokens,
    fee,
    builder: version === 1 ? '' : builder ? hash32('builder', random.zipf(BUILDERS)) : ZERO,
    metadata: version === 1 ? '' : metadata ? hash32('metadata', random.next()) : ZERO,
  };
}
