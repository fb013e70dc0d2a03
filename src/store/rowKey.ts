import { createHash } from 'node:crypto';
import { TABLES, type DataTable } from './tables.ts';

/** The columns that make a row itself: those its table is ordered by. */
const KEYS: { readonly [Name in DataTable]: readonly (typeof TABLES)[Name][number][] } = {
  market_versions: ['id'],
  market_token_versions: ['token_id'],
  quarantine_versions: ['source', 'record_hash'],
  order_event_versions: ['timestamp', 'transaction_hash', 'log_index', 'order_hash', 'odd_id'],
  unlabelled_token_versions: ['token_id', 'day'],
  unsettled_range_versions: ['source', 'from_position', 'to_position'],
  recount_versions: ['source', 'request', 'from_position', 'to_position'],
};

/** The last columns of a table, in rows from before it had them: exchange_version, block_hash, builder, metadata. */
const ADDED: Partial<Record<DataTable, readonly unknown[]>> = { order_event_versions: [1, '', '', ''] };

/** The row as it is written now, where an older version queued or quarantined it without the columns added since. */
export function currentRow(table: DataTable, line: string): string {
  const added = ADDED[table] ?? [];
  const values = added.length > 0 ? valuesOf(line) : undefined;
  return values?.length === TABLES[table].length - added.length
    ? JSON.stringify([...values, ...added])
    : line;
}

/** Hash of what makes a row itself: the same for every version of it. A line that is no row is hashed whole. */
export function rowHash(table: DataTable, line: string): string {
  const columns: readonly string[] = TABLES[table];
  const values = valuesOf(currentRow(table, line));
  const key =
    values?.length === columns.length
      ? JSON.stringify(KEYS[table].map((name) => values[columns.indexOf(name)]))
      : line;
  return createHash('sha256').update(key).digest('hex');
}

/** The values of an encoded row, in the order of its table's columns; undefined where the line is no row. */
export function valuesOf(line: string): unknown[] | undefined {
  try {
    const values: unknown = JSON.parse(line);
    return Array.isArray(values) ? values : undefined;
  } catch {
    return undefined;
  }
}
