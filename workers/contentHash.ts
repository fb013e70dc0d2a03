import { createHash } from 'node:crypto';

/** A short hash of what a job carries, for its id: the same content makes the same job. */
export function contentHash(records: readonly unknown[]): string {
  return createHash('sha1').update(JSON.stringify(records)).digest('hex').slice(0, 16);
}
