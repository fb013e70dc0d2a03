import { createHash } from 'node:crypto';
import { quarantineRow } from '../src/store/tables.ts';

/** What the quarantine says of a record that is sent again. */
export interface Retried {
  readonly hash: string;
  readonly reason: string;
  /** Milliseconds. */
  readonly receivedAt: number;
}

/**
 * A record that could not be used, as a row: the JSON that came, the same record always under the same hash.
 * @param identity what makes the record itself, where the same one may come in several forms
 */
export function quarantined(
  source: string,
  reason: string,
  record: unknown,
  receivedAt: number,
  identity: unknown = record,
): string {
  const hash = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  return quarantineRow(source, hash, reason, JSON.stringify(record), receivedAt);
}

/** Rows for a retried record that still cannot be used: none, but where it is for another reason now. */
export function stillQuarantined(
  source: string,
  reason: string,
  record: unknown,
  retried: Retried,
): string[] {
  if (reason === retried.reason) return [];
  return [quarantineRow(source, retried.hash, reason, JSON.stringify(record), retried.receivedAt)];
}
