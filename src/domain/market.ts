/**
 * One market as Gamma describes it, in plain types: what the `markets` table holds beside the raw object.
 * Text that is absent is '', lists that are absent are empty. Dates are UTC text
 * `YYYY-MM-DD HH:MM:SS.ffffff`, or null when absent or absurd. Money is decimal text in USD without exponent,
 * '' when absent.
 */
export interface Market {
  /** Gamma's own id: decimal text. */
  readonly id: string;
  /** `0x` and 31 or 32 bytes of lower-case hex. */
  readonly conditionId: string;
  readonly questionId: string;
  readonly question: string;
  readonly slug: string;
  readonly groupItemTitle: string;
  readonly category: string;
  /** First and second outcome label; '' where the market has fewer. */
  readonly answer1: string;
  readonly answer2: string;
  /** First and second CLOB token id, decimal text; '' where the market has fewer. */
  readonly token1: string;
  readonly token2: string;
  /** Outcome labels, in the order of `tokenIds`. */
  readonly outcomes: readonly string[];
  /** Decimal text each, in the order of `outcomes`. */
  readonly outcomePrices: readonly string[];
  /** Token ids of the conditional-token ledger (protocol v1). */
  readonly tokenIds: readonly string[];
  /** Position ids of the PositionManager ledger (protocol v2). */
  readonly positionIds: readonly string[];
  readonly version: 'v1' | 'v2' | '';
  readonly negRisk: boolean;
  readonly active: boolean;
  readonly closed: boolean;
  readonly archived: boolean;
  /** The market's first event. */
  readonly eventId: string;
  readonly eventSlug: string;
  readonly eventTitle: string;
  readonly ticker: string;
  readonly volume: string;
  readonly liquidity: string;
  readonly umaResolutionStatus: string;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly startDate: string | null;
  readonly endDate: string | null;
  readonly closedTime: string | null;
}
