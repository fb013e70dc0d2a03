import type { Database } from './clickhouse.ts';
import { TABLES } from './tables.ts';

/** Takes the order events of a transaction out of what users query: newer versions of their rows that say deleted. */
export async function deleteOrderEvents(
  database: Database,
  of: { readonly timestamp: number; readonly transactionHash: string },
): Promise<void> {
  const columns = TABLES.order_event_versions;
  const values = columns.map((name) =>
    name === 'version' ? 'version + 2' : name === 'is_deleted' ? '1' : name,
  );
  await database.run(
    `INSERT INTO order_event_versions (${columns.join(', ')})
     SELECT ${values.join(', ')} FROM order_event_versions FINAL
     WHERE timestamp = toDateTime({timestamp:UInt32}) AND transaction_hash = {hash:String}`,
    { timestamp: of.timestamp, hash: of.transactionHash },
  );
}
