import { createHash } from 'node:crypto';
import { quarantineRow } from '../src/store/tables.ts';

/** A record that could not be used, as a row: kept as it came, the same record always under the same hash. */
export function quarantined(source: string, reason: string, record: unknown, receivedAt: number): string {
  const original = typeof record === 'string' ? record : JSON.stringify(record);
  const hash = createHash('sha256').update(original).digest('hex');
  return quarantineRow(source, hash, reason, original, receivedAt);
}
