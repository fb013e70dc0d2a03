import type { CoveredRange } from '../domain/coverage.ts';
import type { Market } from '../domain/market.ts';
import type { OrderEvent } from '../domain/orderEvent.ts';
import { nonusdcSide, type TokenLabel, type Trade } from '../domain/trade.ts';
import { toDecimal } from '../domain/amounts.ts';

/**
 * The storage tables and their row shapes: the columns in the order in which the row functions below give
 * their values. A row is one line of JSONCompactEachRow. New columns come last (src/store/rowKey.ts: ADDED).
 */
export const TABLES = {
  order_event_versions: [
    'timestamp',
    'transaction_hash',
    'log_index',
    'order_hash',
    'odd_id',
    'source',
    'exchange',
    'block_number',
    'maker',
    'taker',
    'maker_direction',
    'token_id',
    'usd_amount',
    'token_amount',
    'fee',
    'is_taker_side',
    'odd_maker_asset',
    'odd_taker_asset',
    'market_id',
    'condition_id',
    'nonusdc_side',
    'outcome',
    'version',
    'is_deleted',
    'exchange_version',
    'block_hash',
    'builder',
    'metadata',
  ],
  market_versions: [
    'id',
    'condition_id',
    'question_id',
    'question',
    'slug',
    'answer1',
    'answer2',
    'token1',
    'token2',
    'outcomes',
    'outcome_prices',
    'token_ids',
    'position_ids',
    'protocol_version',
    'neg_risk',
    'event_id',
    'event_slug',
    'event_title',
    'ticker',
    'volume',
    'liquidity',
    'active',
    'closed',
    'archived',
    'uma_resolution_status',
    'created_at',
    'updated_at',
    'start_date',
    'end_date',
    'closed_time',
    'raw',
    'content_hash',
    'version',
  ],
  market_token_versions: ['token_id', 'market_id', 'condition_id', 'outcome_index', 'outcome', 'version'],
  quarantine_versions: ['source', 'record_hash', 'reason', 'record', 'received_at'],
  unlabelled_token_versions: ['token_id', 'day', 'is_deleted'],
  unsettled_range_versions: ['source', 'from_position', 'to_position', 'checks', 'version', 'is_deleted'],
  recount_versions: [
    'source',
    'from_position',
    'to_position',
    'request',
    'recounted_at',
    'upstream_events',
    'stored_events',
    'missing',
    'unexpected',
    'different',
    'examples',
  ],
  coverage_start_versions: ['source', 'position', 'id'],
  source_scope_versions: ['source', 'from_position', 'exchanges'],
  covered_range_versions: [
    'source',
    'from_position',
    'from_id',
    'to_position',
    'to_id',
    'events',
    'quarantined',
  ],
} as const satisfies Record<string, readonly string[]>;

export type Table = keyof typeof TABLES;

/**
 * Data tables in the order of writing; coverage is not among them: it is written after all of these. A market after its
 * tokens: once it is stored, the same object is not written again.
 */
export const DATA_TABLES = [
  'market_token_versions',
  'market_versions',
  'quarantine_versions',
  'order_event_versions',
  'unlabelled_token_versions',
  'unsettled_range_versions',
  'recount_versions',
] as const satisfies readonly Table[];

export type DataTable = (typeof DATA_TABLES)[number];

/** Rows as the text of an insert. */
export function toLines(rows: readonly string[]): string {
  return rows.length === 0 ? '' : `${rows.join('\n')}\n`;
}

/**
 * Added to the version of a labelled row: more than any millisecond, so that no later answer takes a label away again.
 * (A page may land without its mark, where Redis loses it halfway: nothing would label it once more.)
 */
export const LABELLED = 2 ** 44;

/** The id that the table builds for an event of this shape; any other id is stored as it is. */
function usualId(event: OrderEvent): string {
  return event.exchange === ''
    ? `${event.transactionHash}_${event.orderHash}`
    : `${event.transactionHash}-${event.logIndex}`;
}

/** @param fetchedAt millisecond at which the upstream answered */
export function orderEventRow(
  event: OrderEvent,
  trade: Trade | undefined,
  label: TokenLabel | undefined,
  fetchedAt: number,
): string {
  const { timestamp, transactionHash, logIndex, orderHash, source, exchange, blockNumber, maker, taker } =
    event;
  const { makerDirection = '', tokenId = '', isTakerSide = false } = trade ?? {};
  const usdAmount = trade?.usdAmount ?? toDecimal(event.makerAmountFilled);
  const tokenAmount = trade?.tokenAmount ?? toDecimal(event.takerAmountFilled);
  const oddId = event.id === usualId(event) ? '""' : JSON.stringify(event.id);
  const oddAssets = trade === undefined ? `"${event.makerAssetId}","${event.takerAssetId}"` : '"",""';
  const version = fetchedAt * 2 + (label === undefined ? 0 : LABELLED);
  // Written by hand: a third of the time of JSON.stringify. Hex and decimals need no escapes, what is free text goes through it.
  return (
    `[${timestamp},"${transactionHash}",${logIndex},"${orderHash}",${oddId},"${source}","${exchange}",${blockNumber},` +
    `"${maker}","${taker}","${makerDirection}","${tokenId}","${usdAmount}","${tokenAmount}","${toDecimal(event.fee)}",` +
    `${isTakerSide ? 1 : 0},${oddAssets},${labelColumns(label)},${version},0,` +
    `${event.exchangeVersion},"${event.blockHash}","${event.builder}","${event.metadata}"]`
  );
}

const NO_LABEL = '"","","",""';
const encodedLabels = new WeakMap<TokenLabel, string>();

/** The columns of a label, encoded once: a label is that of many trades. */
function labelColumns(label: TokenLabel | undefined): string {
  if (label === undefined) return NO_LABEL;
  const known = encodedLabels.get(label);
  if (known !== undefined) return known;
  const { marketId, conditionId, outcome } = label;
  const columns = JSON.stringify([marketId, conditionId, nonusdcSide(label), outcome]).slice(1, -1);
  encodedLabels.set(label, columns);
  return columns;
}

/**
 * @param raw the object as the API gave it
 * @param version millisecond at which the API answered (src/store/markets.ts: answerVersion)
 */
export function marketRow(market: Market, raw: string, contentHash: string, version: number): string {
  return JSON.stringify([
    market.id,
    market.conditionId,
    market.questionId,
    market.question,
    market.slug,
    market.answer1,
    market.answer2,
    market.token1,
    market.token2,
    market.outcomes,
    market.outcomePrices,
    market.tokenIds,
    market.positionIds,
    market.version,
    market.negRisk,
    market.eventId,
    market.eventSlug,
    market.eventTitle,
    market.ticker,
    market.volume === '' ? '0' : market.volume,
    market.liquidity === '' ? '0' : market.liquidity,
    market.active,
    market.closed,
    market.archived,
    market.umaResolutionStatus,
    market.createdAt,
    market.updatedAt,
    market.startDate,
    market.endDate,
    market.closedTime,
    raw,
    contentHash,
    version,
  ]);
}

/** One row a token of the market, of both its ledgers: CTF tokens and PositionManager positions. */
export function marketTokenRows(market: Market, version: number): string[] {
  const rows = new Map<string, string>();
  for (const ids of [market.tokenIds, market.positionIds]) {
    ids.forEach((tokenId, index) => {
      const outcome = market.outcomes[index] ?? '';
      rows.set(tokenId, JSON.stringify([tokenId, market.id, market.conditionId, index, outcome, version]));
    });
  }
  return [...rows.values()];
}

export function quarantineRow(
  source: string,
  recordHash: string,
  reason: string,
  record: string,
  receivedAt: number,
): string {
  return JSON.stringify([source, recordHash, reason, record, toDateTime64(receivedAt)]);
}

/** @param timestamp unix seconds of a trade in the token */
export function unlabelledTokenRow(tokenId: string, timestamp: number): string {
  return JSON.stringify([tokenId, new Date(timestamp * 1000).toISOString().slice(0, 10), 0]);
}

/**
 * A mark of an unsettled range, or what answers it: just above its version, so that a mark set meanwhile is newer and
 * stays. Version null: the server's clock sets it.
 */
export function markRow(
  source: string,
  { from, to, version }: { readonly from: number; readonly to: number; readonly version: string | null },
  checks: number,
  isDone: boolean,
): string {
  const above = version === null ? null : String(BigInt(version) + 1n);
  return JSON.stringify([source, from, to, checks, above, isDone ? 1 : 0]);
}

/** Takes an order event out: its key, and a version above the stored one. */
export function deletedEventRow(key: StoredKey, version: string): string {
  const row: Partial<Record<(typeof TABLES)['order_event_versions'][number], string | number>> = {
    timestamp: key.timestamp,
    transaction_hash: key.transactionHash,
    log_index: key.logIndex,
    order_hash: key.orderHash,
    odd_id: key.oddId,
    // Not part of the key, but of what a deletion is found by once it stands alone.
    source: key.source,
    exchange: key.exchange,
    version,
    is_deleted: 1,
  };
  return JSON.stringify(TABLES.order_event_versions.map((column) => row[column] ?? null));
}

/** What makes a stored order event itself, and where it came from. */
export interface StoredKey {
  /** Unix seconds. */
  readonly timestamp: number;
  readonly transactionHash: string;
  readonly logIndex: number;
  readonly orderHash: string;
  readonly oddId: string;
  readonly source: string;
  readonly exchange: string;
}

export function recountRow(recount: Recount): string {
  return JSON.stringify([
    recount.source,
    recount.from,
    recount.to,
    recount.request,
    toDateTime64(recount.recountedAt),
    recount.upstreamEvents,
    recount.storedEvents,
    recount.missing,
    recount.unexpected,
    recount.different,
    recount.examples,
  ]);
}

/** A covered range that was asked of its source again, and what was found. Positions: `to` is not included. */
export interface Recount {
  readonly source: string;
  readonly from: number;
  readonly to: number;
  /** The job that asked. */
  readonly request: string;
  /** Milliseconds. */
  readonly recountedAt: number;
  readonly upstreamEvents: number;
  readonly storedEvents: number;
  readonly missing: number;
  readonly unexpected: number;
  readonly different: number;
  /** Ids of some that do not agree. */
  readonly examples: readonly string[];
}

export function coverageRow(range: CoveredRange): string {
  return JSON.stringify([
    range.source,
    range.from.position,
    range.from.id,
    range.to.position,
    range.to.id,
    range.events,
    range.quarantined,
  ]);
}

/** @param ms milliseconds since 1970 */
export function toDateTime64(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}
