import type { Span } from '../domain/spans.ts';
import type { Database } from './clickhouse.ts';

/** Order events stored of each of some stretches of a source whose positions are unix seconds: exact, and a plain count. */
export async function countEvents(
  database: Database,
  source: string,
  spans: readonly Span[],
): Promise<number[]> {
  const counts: number[] = [];
  for (const { from, to } of spans) {
    const conditions = ['source = {source:String}', 'timestamp >= toDateTime({from:UInt32})'];
    // The id is made of other columns: it is left out where it says nothing.
    if (from.id !== '') conditions.push('(timestamp > toDateTime({from:UInt32}) OR id > {fromId:String})');
    if (to.id === '') conditions.push('timestamp < toDateTime({to:UInt32})');
    else
      conditions.push(
        'timestamp <= toDateTime({to:UInt32})',
        '(timestamp < toDateTime({to:UInt32}) OR id <= {toId:String})',
      );
    const rows = await database.rows<{ events: string }>(
      `SELECT count() AS events FROM order_events WHERE ${conditions.join(' AND ')}`,
      { source, from: from.position, fromId: from.id, to: to.position, toId: to.id },
    );
    counts.push(Number(rows[0]?.events));
  }
  return counts;
}
