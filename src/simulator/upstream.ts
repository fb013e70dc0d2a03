/**
 * What the stand-in APIs serve, whatever it comes from: a generated exchange or a recording.
 * Times are unix seconds unless a name says milliseconds.
 */

/** One filled order with everything a subgraph row or a log of any exchange needs. Amounts in base units (6 decimals). */
export interface Fill extends FillTerms {
  readonly timestamp: number;
  readonly blockNumber: number;
  /** Within the block. */
  readonly transactionIndex: number;
  readonly logIndex: number;
}

/** A fill without its place in the chain: what a reorganisation moves. */
export interface FillTerms {
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
  /** In the asset the owner receives (V1), in the collateral (V2, V3). */
  readonly fee: number;
  /** 32 bytes of hex; '' for V1, whose event has neither. */
  readonly builder: string;
  readonly metadata: string;
}

/** A row of the subgraph, served as it is, well-formed or not. */
export type OrderRow = Readonly<Record<string, unknown>>;

/** An order event at its place in the subgraph's order: (timestamp, id), ids bytewise. */
export interface UpstreamEvent {
  readonly timestamp: number;
  readonly id: string;
  readonly row: OrderRow;
  /** Absent for recorded rows. */
  readonly fill?: Fill;
  /** What was done to the row of a generated event that is served broken. */
  readonly malformed?: string;
}

/** A log as a node gives it in `eth_getLogs`. */
export type RpcLog = Readonly<Record<string, unknown>> & {
  readonly address: string;
  readonly topics: readonly string[];
  /** Quantities in hex. */
  readonly blockNumber: string;
  readonly logIndex: string;
};

/** An exchange's log in a block, served as it is, well-formed or not. */
export interface ChainLog {
  readonly log: RpcLog;
  /** Absent for recorded rows. */
  readonly fill?: Fill;
  /** What was done to a generated log that is served broken. */
  readonly malformed?: string;
}

export interface EventRange {
  /** First and last second, both included. */
  readonly from: number;
  readonly to: number;
  readonly descending?: boolean;
  /** Only those of the V1 exchanges: what the subgraph has. */
  readonly onlyV1?: boolean;
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
  readonly positionIds: readonly string[];
  object(): GammaMarket;
}

export interface Upstream {
  /** The newest block whose events the subgraph has. */
  head(): Block;
  /** The block of that number; it may lie beyond the head. */
  block(number: number): Block;
  /** Events of every exchange up to the head, in the order of (timestamp, id) or its reverse. */
  events(range: EventRange): Iterable<UpstreamEvent>;
  /** The newest block the chain's nodes have; the subgraph follows behind. */
  chainHead(): Block;
  /** The newest block that no reorganisation can replace is this far behind the chain's head. */
  readonly finalityBlocks: number;
  /** The exchanges' logs of a block by log index; none of blocks beyond the chain's head. */
  logs(block: number): readonly ChainLog[];
  /** Where it begins: the first second with events, and that block where blocks are known. */
  start(): { readonly second: number; readonly block?: number };
  /** Replaces the newest blocks of the chain: as many as said, but no final one. */
  reorg(depth: number): void;
  /** Every market listed now, by ascending id. */
  markets(): readonly MarketEntry[];
}

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
