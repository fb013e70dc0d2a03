import { createHash } from 'node:crypto';

/**
 * Made order events and markets, and the rows that they must become, worked out here from the rules alone: nothing of
 * src/domain is used.
 */

/** A subgraph row. */
export interface Row extends Record<string, unknown> {
  id: string;
  transactionHash: string;
  orderHash: string;
  timestamp: string;
  maker: string;
  taker: string;
  makerAssetId: string;
  takerAssetId: string;
  makerAmountFilled: string;
  takerAmountFilled: string;
  fee: string;
}

export interface TestMarket {
  readonly id: string;
  readonly conditionId: string;
  readonly tokens: string[];
  readonly outcomes: string[];
}

/** The outcome of a market that an event's token stands for. */
export interface Label {
  readonly market: TestMarket;
  readonly side: number;
}

export interface MadeEvent {
  readonly row: Row;
  /** Undefined where the token is in no market. */
  readonly label: Label | undefined;
}

/** A number from 0 to below. */
export type Draw = (below: number) => number;

const EXCHANGES = [
  '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e',
  '0xc5d563a36ae78145c45a50134d48a1215220f80a',
];
const FIRST_MARKET = 500_000;

/** Small and seeded: the same numbers for the same seed. */
export function draws(seed: number): Draw {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const hex = (text: string, bytes: number) =>
  `0x${createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, bytes * 2)}`;
const tokenId = (text: string) => BigInt(hex(text, 32)).toString();

/** The market of that number: most have two outcomes; one in 20 has three, one in 30 only one. */
export function makeMarket(index: number): TestMarket {
  const count = index % 20 === 7 ? 3 : index % 30 === 11 ? 1 : 2;
  const names = count === 3 ? ['Home', 'Draw', 'Away'] : ['Yes', 'It\'s "No"\t\\'];
  return {
    id: String(FIRST_MARKET + index),
    conditionId: hex(`condition ${index}`, 32),
    tokens: Array.from({ length: count }, (_, side) => tokenId(`token ${index}/${side}`)),
    outcomes: names.slice(0, count),
  };
}

/** Makes one event after the other: the same for the same seed, markets and draws. */
export class EventMaker {
  readonly #seed: number;
  readonly #next: Draw;
  readonly #markets: readonly TestMarket[];
  readonly #wallets = Array.from({ length: 2_000 }, (_, index) => hex(`wallet ${index}`, 20));
  #made = 0;
  #lastRow: Row | undefined;

  /** @param markets may grow while events are made; the first ones trade most */
  constructor(seed: number, next: Draw, markets: readonly TestMarket[]) {
    this.#seed = seed;
    this.#next = next;
    this.#markets = markets;
  }

  /**
   * An event of a market; one in 100 is of a token that is in no market instead.
   * @param second unix time of the event
   * @param market drawn when left out
   */
  make(second: number, market = this.#market()): MadeEvent {
    const next = this.#next;
    const side = next(market.tokens.length);
    const label = next(100) === 0 ? undefined : { market, side };
    const token = label === undefined ? tokenId(`unlisted ${next(20)}`) : (market.tokens[side] ?? '');
    const row = this.#row(second, token);
    this.#lastRow = row;
    this.#made++;
    return { row, label };
  }

  #market(): TestMarket {
    const total = this.#markets.length;
    const market = this.#markets[Math.floor(this.#next(total) ** 2 / total)] ?? this.#markets[0];
    if (market === undefined) throw new Error('no markets');
    return market;
  }

  #row(second: number, token: string): Row {
    const next = this.#next;
    const lastRow = this.#lastRow;
    // Same transaction as the event before, or the same order filled again in another transaction.
    const transactionHash =
      lastRow !== undefined && lastRow.timestamp === String(second) && next(3) === 0
        ? lastRow.transactionHash
        : hex(`tx ${this.#seed}/${this.#made}`, 32);
    const orderHash =
      lastRow !== undefined && lastRow.transactionHash !== transactionHash && next(10) === 0
        ? lastRow.orderHash
        : hex(`order ${this.#seed}/${this.#made}`, 32);
    const buys = next(2) === 0;
    // Neither or both assets the collateral: an order event that is no trade.
    const odd = next(400);
    const [makerAssetId, takerAssetId] =
      odd === 0 ? ['0', '0'] : odd === 1 ? [token, tokenId('other')] : buys ? ['0', token] : [token, '0'];
    const dust = next(200);
    const amount = () => String(1 + next(1_000_000_000));
    return {
      id: `${transactionHash}_${orderHash}`,
      transactionHash,
      orderHash,
      timestamp: String(second),
      maker: this.#wallet(),
      taker: next(2) === 0 ? (EXCHANGES[next(2)] ?? '') : this.#wallet(),
      makerAssetId,
      takerAssetId,
      makerAmountFilled: dust === 0 ? '0' : dust === 1 ? '18446744073709551615' : amount(),
      takerAmountFilled: dust <= 1 ? '0' : dust === 2 ? '1' : amount(),
      fee: next(5) === 0 ? amount() : '0',
    };
  }

  #wallet(): string {
    return this.#wallets[this.#next(this.#wallets.length)] ?? '';
  }
}

const WAYS: readonly ((row: Record<string, unknown>) => void)[] = [
  (r) => delete r['maker'],
  (r) => (r['taker'] = null),
  (r) => (r['makerAmountFilled'] = 5),
  (r) => (r['takerAmountFilled'] = '-1'),
  (r) => (r['makerAmountFilled'] = '1e6'),
  (r) =>
    (r['takerAmountFilled'] =
      '115792089237316195423570985008687907853269984665640564039457584007913129639936'),
  (r) => (r['maker'] = '0x1234'),
  (r) => (r['orderHash'] = 'not hex'),
  (r) => (r['makerAssetId'] = '0x10'),
  (r) => (r['fee'] = ''),
  (r) => (r['transactionHash'] = `${String(r['transactionHash'])}00`),
  (r) => (r['takerAssetId'] = ['1']),
];

/** The row, malformed in one of the ways. Its id and its timestamp stay: a page is ordered by them. */
export function damage(row: Row, kind: number): Record<string, unknown> {
  const broken: Record<string, unknown> = { ...row };
  WAYS[kind % WAYS.length]?.(broken);
  return broken;
}

/** The fields of order_events in the contract's order, as text. */
export function expectedEvent({ row }: MadeEvent): string {
  return [
    row.id,
    'goldsky',
    '',
    '0',
    '0',
    row.timestamp,
    row.transactionHash,
    row.orderHash,
    row.maker,
    row.taker,
    row.makerAssetId,
    row.takerAssetId,
    row.makerAmountFilled,
    row.takerAmountFilled,
    row.fee,
  ].join('|');
}

/** The fields of trades, labelled; undefined where the event is no trade. */
export function expectedTrade({ row, label }: MadeEvent): string | undefined {
  if ((row.makerAssetId === '0') === (row.takerAssetId === '0')) return undefined;
  const buys = row.makerAssetId === '0';
  const usd = BigInt(buys ? row.makerAmountFilled : row.takerAmountFilled);
  const tokens = BigInt(buys ? row.takerAmountFilled : row.makerAmountFilled);
  return [
    row.id,
    row.timestamp,
    label?.market.id ?? '',
    label?.market.conditionId ?? '',
    buys ? row.takerAssetId : row.makerAssetId,
    label === undefined ? '' : (['token1', 'token2'][label.side] ?? ''),
    label === undefined ? '' : (label.market.outcomes[label.side] ?? ''),
    row.maker,
    row.taker,
    buys ? 'BUY' : 'SELL',
    buys ? 'SELL' : 'BUY',
    usd === 0n || tokens === 0n ? 'none' : String(Number(usd) / Number(tokens)),
    decimal(usd),
    decimal(tokens),
    EXCHANGES.includes(row.taker) ? '1' : '0',
    decimal(BigInt(row.fee)),
    row.transactionHash,
    row.orderHash,
  ].join('|');
}

function decimal(base: bigint): string {
  return `${base / 1_000_000n}.${(base % 1_000_000n).toString().padStart(6, '0')}`;
}

/** The object as Gamma would give it: strings that hold JSON. */
export function gammaMarket(market: TestMarket): Record<string, unknown> {
  return {
    id: market.id,
    conditionId: market.conditionId,
    question: `Will ${market.id} happen?`,
    slug: `market-${market.id}`,
    outcomes: JSON.stringify(market.outcomes),
    clobTokenIds: JSON.stringify(market.tokens),
    volume: '12.5',
    active: true,
    closed: Number(market.id) % 3 === 0,
    createdAt: '2024-04-20T12:00:00.123456Z',
    updatedAt: '2024-04-21T12:00:00Z',
    events: [{ id: '9', slug: `event-${market.id}`, ticker: `ticker-${market.id}`, title: 'An event' }],
  };
}
