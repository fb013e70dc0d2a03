/**
 * One OrderFilled, as its exchange emitted it. Amounts are integers in base units (6 decimals), as decimal
 * strings; hex is lower-case; token ids are decimal strings. Fields a source does not give are '' or 0.
 */
export interface OrderEvent {
  /** `txHash_orderHash` from the subgraph, `txHash-logIndex` from logs. */
  readonly id: string;
  readonly source: string;
  readonly exchange: string;
  readonly blockNumber: number;
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
}
