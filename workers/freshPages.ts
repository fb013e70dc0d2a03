/** More than these wait only where this worker does not take its own pages. */
const MOST_PAGES = 4;

/**
 * The records of pages that this process has just made `orders` jobs of. Redis holds them, packed; but mostly the process
 * takes the job itself, at once, and need not unpack what it has in hand.
 */
export class FreshPages {
  /** By job id, which has a hash of the records in it; the oldest first. */
  readonly #pages = new Map<string, readonly unknown[]>();

  note(jobId: string, records: readonly unknown[]): void {
    this.#pages.set(jobId, records);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MOST_PAGES) return;
      this.#pages.delete(oldest);
    }
  }

  /** The records, once; undefined where they have to be unpacked. */
  take(jobId: string | undefined): readonly unknown[] | undefined {
    if (jobId === undefined) return undefined;
    const records = this.#pages.get(jobId);
    this.#pages.delete(jobId);
    return records;
  }
}
