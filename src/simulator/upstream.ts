/**
 * What the stand-in APIs serve, whatever it comes from: a generated exchange or a recording.
 * Times are unix seconds unless a name says milliseconds.
 */

/** One filled order with everything a V1 subgraph row or a V2 log needs. Amounts in base units (6 decimals). */
export interface Fill {
  readonly timestamp: number;
  readonly blockNumber: number;
  readonly logIndex: number;
  /** The contract that emitted it. */
  readonly exchange: string;
  readonly transactionHash: string;
  readonly orderHash: string;
  /** Owner of the order. */
  readonly maker: string;
  /** The counterparty; the exchange itself on the taker order's own event. */
  readonly taker: string;
  /** What the order's owner did with the token. */
  readonly side: 'BUY' | 'SELL';
  readonly tokenId: string;
  readonly usd: number;
  readonly tokens: number;
  /** In the asset the owner receives (V1). */
  readonly fee: number;
}

/** A row of the subgraph, served as it is, well-formed or not. */
export type OrderRow = Readonly<Record<string, unknown>>;

/** An order event at its place in the subgraph's order: (timestamp, id), ids bytewise. */
export interface UpstreamEvent {
  readonly timestamp: number;
  readonly id: string;
  readonly row: OrderRow;
  /** Absent for recorded events. */
  readonly fill?: Fill;
  /** What was done to the row of a generated event that is served broken. */
  readonly malformed?: string;
}

export interface EventRange {
  /** First and last second, both included. */
  readonly from: number;
  readonly to: number;
  readonly descending?: boolean;
}

export interface Block {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
  readonly timestamp: number;
}

/** A market as Gamma serves it: any JSON object. */
export type GammaMarket = Readonly<Record<string, unknown>>;

/** A market the market API lists by now, with what its filters need; the object is made on demand. */
export interface MarketEntry {
  /** Gamma's id as a number; a recorded market without a usable id has its place behind all others. */
  readonly id: number;
  readonly closed: boolean;
  readonly conditionId: string;
  readonly slug: string;
  readonly tokenIds: readonly string[];
  object(): GammaMarket;
}

export interface Upstream {
  /** The newest block whose events can be read. */
  head(): Block;
  /** The block of that number; it may lie beyond the head. */
  block(number: number): Block;
  /** Events up to the head, in the order of (timestamp, id) or its reverse. */
  events(range: EventRange): Iterable<UpstreamEvent>;
  /** Every market listed now, by ascending id. */
  markets(): readonly MarketEntry[];
}

/** The V1 exchange contracts. */
export const CTF_EXCHANGE = '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e';
export const NEG_RISK_EXCHANGE = '0xc5d563a36ae78145c45a50134d48a1215220f80a';

/** Fill to subgraph row: every value a string, the collateral's asset id "0". */
export function toRow(fill: Fill): OrderRow {
  const buys = fill.side === 'BUY';
  return {
    id: `${fill.transactionHash}_${fill.orderHash}`,
    transactionHash: fill.transactionHash,
    timestamp: String(fill.timestamp),
    orderHash: fill.orderHash,
    maker: fill.maker,
    taker: fill.taker,
    makerAssetId: buys ? '0' : fill.tokenId,
    takerAssetId: buys ? fill.tokenId : '0',
    makerAmountFilled: String(buys ? fill.usd : fill.tokens),
    takerAmountFilled: String(buys ? fill.tokens : fill.usd),
    fee: String(fill.fee),
  };
}

/** Bytewise order of ids, as the subgraph's database sorts them. */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
