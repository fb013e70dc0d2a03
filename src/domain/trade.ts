import { toDecimal } from './amounts.ts';
import type { OrderEvent } from './orderEvent.ts';

/** The asset id of the collateral (USDC.e or pUSD). */
export const COLLATERAL = '0';

export type Direction = 'BUY' | 'SELL';

/** An order event that trades an outcome token against the collateral, seen from its maker. */
export interface Trade {
  readonly tokenId: string;
  /** What the maker did. The taker's nominal direction is the opposite. */
  readonly makerDirection: Direction;
  /** Decimals with 6 places. */
  readonly usdAmount: string;
  /** Decimals with 6 places. */
  readonly tokenAmount: string;
  /** True where the taker field is an exchange contract: summing usd over these rows counts each match once. */
  readonly isTakerSide: boolean;
}

/** What a market says of one of its tokens. */
export interface TokenLabel {
  readonly marketId: string;
  readonly conditionId: string;
  /** Place of the token among the market's outcomes: 0, 1, ... */
  readonly outcomeIndex: number;
  readonly outcome: string;
}

/**
 * The trade in an order event, or undefined where there is none (both or neither asset is the collateral).
 * @param exchanges lower-case addresses of the exchange contracts
 */
export function toTrade(event: OrderEvent, exchanges: ReadonlySet<string>): Trade | undefined {
  const makerPays = event.makerAssetId === COLLATERAL;
  const takerPays = event.takerAssetId === COLLATERAL;
  if (makerPays === takerPays) return undefined;
  return {
    tokenId: makerPays ? event.takerAssetId : event.makerAssetId,
    makerDirection: makerPays ? 'BUY' : 'SELL',
    usdAmount: toDecimal(makerPays ? event.makerAmountFilled : event.takerAmountFilled),
    tokenAmount: toDecimal(makerPays ? event.takerAmountFilled : event.makerAmountFilled),
    isTakerSide: exchanges.has(event.taker),
  };
}

/** Which of its market's two tokens a trade is in: '' beyond the second, or where the market is not known. */
export function nonusdcSide(label: TokenLabel | undefined): 'token1' | 'token2' | '' {
  if (label?.outcomeIndex === 0) return 'token1';
  if (label?.outcomeIndex === 1) return 'token2';
  return '';
}
