import type { Database } from './clickhouse.ts';
import { TABLES } from './tables.ts';

/**
 * Takes an order event out of what users query: a newer version of its row that says deleted. Gives false where
 * there is no such event.
 */
export async function deleteOrderEvent(
  database: Database,
  event: { readonly timestamp: number; readonly transactionHash: string },
): Promise<boolean> {
  const params = { timestamp: event.timestamp, hash: event.transactionHash };
  const WHERE = 'timestamp = toDateTime({timestamp:UInt32}) AND transaction_hash = {hash:String}';
  const columns = TABLES.order_event_versions;
  const values = columns.map((name) =>
    name === 'version' ? 'version + 2' : name === 'is_deleted' ? '1' : name,
  );
  const found = await database.rows(
    `SELECT 1 FROM order_event_versions FINAL WHERE ${WHERE} LIMIT 1`,
    params,
  );
  if (found.length === 0) return false;
  await database.run(
    `INSERT INTO order_event_versions (${columns.join(', ')})
     SELECT ${values.join(', ')} FROM order_event_versions FINAL WHERE ${WHERE}`,
    params,
  );
  return true;
}
