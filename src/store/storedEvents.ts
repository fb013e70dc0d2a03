import { chunksOf } from '../base/chunks.ts';
import type { Cursor } from '../domain/coverage.ts';
import type { OrderEvent } from '../domain/orderEvent.ts';
import type { Database } from './clickhouse.ts';
import type { StoredKey } from './tables.ts';

/** Everything of a source after one place, up to and with another (unix second, id). */
export interface EventSlice {
  readonly source: string;
  readonly from: Cursor;
  readonly to: Cursor;
}

/** The seconds are said by themselves, too: they are the primary key. */
const SLICE = `timestamp >= toDateTime({fromSecond:UInt32}) AND timestamp <= toDateTime({toSecond:UInt32})
  AND (toUnixTimestamp(timestamp), id) > ({fromSecond:UInt32}, {fromId:String})
  AND (toUnixTimestamp(timestamp), id) <= ({toSecond:UInt32}, {toId:String})
  AND source = {source:String}`;

/** An event at its time: a reorg may move it, and then both are stored for a while. */
export function placeOf({ timestamp, id }: Pick<OrderEvent, 'timestamp' | 'id'>): string {
  return `${timestamp}/${id}`;
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
  ].join(' ');
}

/** Content (as contentOf gives it) of every order event of a slice, by place. */
export async function storedContents(database: Database, slice: EventSlice): Promise<Map<string, string>> {
  const rows = await database.rows<{ id: string; second: number; content: string }>(
    `SELECT id, toUnixTimestamp(timestamp) AS second, concat_ws(' ', second, transaction_hash, order_hash, maker, taker, maker_asset_id,
       taker_asset_id, maker_amount_filled, taker_amount_filled, fee) AS content
     FROM order_events WHERE ${SLICE}`,
    params(slice),
  );
  return new Map(rows.map((row) => [placeOf({ timestamp: row.second, id: row.id }), row.content]));
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
       WHERE ${SLICE} AND id IN {ids:Array(String)}
       GROUP BY id, timestamp, transaction_hash, log_index, order_hash, odd_id, exchange`,
      { ...params(slice), ids: some },
    );
    for (const row of rows) {
      versions.set(placeOf({ timestamp: row.second, id: row.id }), {
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

function params({ source, from, to }: EventSlice): Record<string, unknown> {
  return { source, fromSecond: from.position, fromId: from.id, toSecond: to.position, toId: to.id };
}
