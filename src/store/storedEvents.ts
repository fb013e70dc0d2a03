import { chunksOf } from '../base/chunks.ts';
import type { Cursor } from '../domain/coverage.ts';
import type { OrderEvent } from '../domain/orderEvent.ts';
import type { Database } from './clickhouse.ts';
import type { StoredKey } from './tables.ts';

/** Everything of a source after one place, up to and with another. */
export interface EventSlice {
  readonly source: string;
  readonly from: Cursor;
  readonly to: Cursor;
  /** Of a source whose positions are blocks: unix seconds between which these lie. Else the positions are seconds. */
  readonly seconds?: { readonly from: number; readonly to: number };
}

/** The seconds are said by themselves, too: they are the primary key. */
const SECONDS = `source = {source:String}
  AND timestamp >= toDateTime({fromSecond:UInt32}) AND timestamp <= toDateTime({toSecond:UInt32})`;
const BY_TIME = `${SECONDS}
  AND (toUnixTimestamp(timestamp), id) > ({from:UInt64}, {fromId:String})
  AND (toUnixTimestamp(timestamp), id) <= ({to:UInt64}, {toId:String})`;
const BY_BLOCK = `${SECONDS} AND block_number >= {from:UInt64} AND block_number < {to:UInt64}`;

function sliceOf({ seconds }: EventSlice): string {
  return seconds === undefined ? BY_TIME : BY_BLOCK;
}

/**
 * What is one row of the table: an event at its time, to which a reorg may have moved it. Both are stored for a while then.
 * Of the subgraph its order, too, as in the table's key.
 */
export function placeOf({
  timestamp,
  exchange,
  orderHash,
  id,
}: Pick<OrderEvent, 'timestamp' | 'exchange' | 'orderHash' | 'id'>): string {
  return `${timestamp}/${exchange === '' ? orderHash : ''}/${id}`;
}

/** The id in what placeOf gives. */
export function idOf(place: string): string {
  return place.slice(place.indexOf('/', place.indexOf('/') + 1) + 1);
}

/** What an event says, as one text to compare. */
export function contentOf(event: OrderEvent): string {
  return [
    event.timestamp,
    event.transactionHash,
    event.orderHash,
    event.maker,
    event.taker,
    event.makerAssetId,
    event.takerAssetId,
    event.makerAmountFilled,
    event.takerAmountFilled,
    event.fee,
    event.exchange,
    event.exchangeVersion,
    event.blockNumber,
    event.blockHash,
    event.logIndex,
    event.builder,
    event.metadata,
  ].join(' ');
}

/** A stored order event. */
export interface StoredEvent {
  /** As contentOf gives it. */
  readonly content: string;
  readonly blockNumber: number;
  /** '' where the source does not give it. */
  readonly blockHash: string;
}

/** Every order event of a slice, by place. */
export async function storedContents(
  database: Database,
  slice: EventSlice,
): Promise<Map<string, StoredEvent>> {
  const rows = await database.rows<{
    id: string;
    second: number;
    block_number: string;
    block_hash: string;
    exchange: string;
    order_hash: string;
    content: string;
  }>(
    `SELECT id, block_number, block_hash, exchange, order_hash, toUnixTimestamp(timestamp) AS second, concat_ws(' ', second, transaction_hash, order_hash, maker, taker, maker_asset_id,
       taker_asset_id, maker_amount_filled, taker_amount_filled, fee, exchange,
       exchange_version, block_number, block_hash, log_index, builder, metadata) AS content
     FROM order_events WHERE ${sliceOf(slice)}`,
    params(slice),
  );
  return new Map(
    rows.map((row) => [
      placeOfRow(row),
      { content: row.content, blockNumber: Number(row.block_number), blockHash: row.block_hash },
    ]),
  );
}

/** What a place has ever held: its key, and the highest version, a deletion perhaps. */
export interface StoredVersion {
  readonly key: StoredKey;
  readonly version: bigint;
}

/** ClickHouse takes parameters of up to 128 KiB; an id of the subgraph has 133 characters. */
const IDS_A_QUERY = 500;

/** What a slice has ever held of the given ids, by place. */
export async function storedVersions(
  database: Database,
  slice: EventSlice,
  ids: readonly string[],
): Promise<Map<string, StoredVersion>> {
  const versions = new Map<string, StoredVersion>();
  for (const some of chunksOf(ids, IDS_A_QUERY)) {
    const rows = await database.rows<{
      id: string;
      second: number;
      transaction_hash: string;
      log_index: number;
      order_hash: string;
      odd_id: string;
      exchange: string;
      highest: string;
    }>(
      `SELECT id, toUnixTimestamp(timestamp) AS second, transaction_hash, log_index, order_hash, odd_id, exchange,
         max(version) AS highest
       FROM order_event_versions
       WHERE ${slice.seconds === undefined ? BY_TIME : SECONDS} AND id IN {ids:Array(String)}
       GROUP BY id, timestamp, transaction_hash, log_index, order_hash, odd_id, exchange
       ORDER BY highest`,
      { ...params(slice), ids: some },
    );
    for (const row of rows) {
      versions.set(placeOfRow(row), {
        key: {
          timestamp: row.second,
          transactionHash: row.transaction_hash,
          logIndex: row.log_index,
          orderHash: row.order_hash,
          oddId: row.odd_id,
          source: slice.source,
          exchange: row.exchange,
        },
        version: BigInt(row.highest),
      });
    }
  }
  return versions;
}

function placeOfRow(row: {
  readonly id: string;
  readonly second: number;
  readonly exchange: string;
  readonly order_hash: string;
}): string {
  const { id, second: timestamp, exchange, order_hash: orderHash } = row;
  return placeOf({ timestamp, exchange, orderHash, id });
}

function params({ source, from, to, seconds }: EventSlice): Record<string, unknown> {
  return {
    source,
    from: from.position,
    fromId: from.id,
    to: to.position,
    toId: to.id,
    fromSecond: seconds?.from ?? from.position,
    toSecond: seconds?.to ?? to.position,
  };
}
