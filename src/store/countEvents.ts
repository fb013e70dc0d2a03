import { positionsOf } from '../base/settings.ts';
import type { Span } from '../domain/spans.ts';
import type { Database } from './clickhouse.ts';

/** Order events stored of each of some stretches of a source: exact, and a plain count. */
export async function countEvents(
  database: Database,
  source: string,
  spans: readonly Span[],
): Promise<number[]> {
  const conditionsOf = positionsOf(source) === 'blocks' ? betweenBlocks : betweenPlaces;
  const counts: number[] = [];
  for (const span of spans) {
    const conditions = ['source = {source:String}', ...conditionsOf(span)];
    const { from, to } = span;
    const rows = await database.rows<{ events: string }>(
      `SELECT count() AS events FROM order_events WHERE ${conditions.join(' AND ')}`,
      { source, from: from.position, fromId: from.id, to: to.position, toId: to.id },
    );
    counts.push(Number(rows[0]?.events));
  }
  return counts;
}

function betweenBlocks(): string[] {
  return ['block_number >= {from:UInt64}', 'block_number < {to:UInt64}'];
}

/** Places in unix seconds. */
function betweenPlaces({ from, to }: Span): string[] {
  const conditions = ['timestamp >= toDateTime({from:UInt32})'];
  // The id is made of other columns: it is left out where it says nothing.
  if (from.id !== '') conditions.push('(timestamp > toDateTime({from:UInt32}) OR id > {fromId:String})');
  if (to.id === '') conditions.push('timestamp < toDateTime({to:UInt32})');
  else
    conditions.push(
      'timestamp <= toDateTime({to:UInt32})',
      '(timestamp < toDateTime({to:UInt32}) OR id <= {toId:String})',
    );
  return conditions;
}
