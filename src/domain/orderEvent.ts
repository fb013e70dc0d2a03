/**
 * One OrderFilled, as its exchange emitted it. Amounts are integers in base units (6 decimals), as decimal
 * strings; hex is lower-case; token ids are decimal strings. Fields a source does not give are '' or 0.
 */
export interface OrderEvent {
  /** `txHash_orderHash` from the subgraph, `txHash-logIndex` from logs. */
  readonly id: string;
  readonly source: string;
  readonly exchange: string;
  /** The exchange's generation: V1 events say their fee in what the maker receives, later ones in the collateral. */
  readonly exchangeVersion: 1 | 2 | 3;
  readonly blockNumber: number;
  /** '' from the subgraph. */
  readonly blockHash: string;
  readonly logIndex: number;
  /** Unix seconds of the block. */
  readonly timestamp: number;
  readonly transactionHash: string;
  readonly orderHash: string;
  readonly maker: string;
  readonly taker: string;
  readonly makerAssetId: string;
  readonly takerAssetId: string;
  readonly makerAmountFilled: string;
  readonly takerAmountFilled: string;
  readonly fee: string;
  /** 32 bytes of hex, of V2 and later events; '' for V1. The app that routed the order (zero: none). */
  readonly builder: string;
  readonly metadata: string;
}
