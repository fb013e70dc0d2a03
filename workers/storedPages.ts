import { LRUCache } from 'lru-cache';
import type { Redis } from 'ioredis';
import type { Queues } from '../queues/producer.ts';
import { contentHash } from './contentHash.ts';
import { writtenSoFar } from './written.ts';

/** A thousand pages are a hundred thousand markets. */
const MOST_PAGES = 1_000;
/** A page is looked up again after this at the latest, in milliseconds: somebody else may have changed the tables. */
const LONGEST_MS = 600_000;

interface StoredPage {
  /** Of its markets. */
  readonly ids: readonly string[];
  /** What was written so far when the tables were looked at. */
  readonly written: string;
}

/**
 * Pages of the market API of which all was found stored just so. The very same page, with nothing written since, brings no
 * news: a sweep of a catalogue that stands still costs its requests and little more.
 */
export class StoredPages {
  readonly #redis: Redis;
  readonly #queues: Queues;
  /** By content. */
  readonly #pages = new LRUCache<string, StoredPage>({ max: MOST_PAGES, ttl: LONGEST_MS });

  constructor(redis: Redis, queues: Queues) {
    this.#redis = redis;
    this.#queues = queues;
  }

  /** What was written so far, of markets at least: to be asked before the look of which `note` tells. */
  async written(): Promise<string> {
    return await writtenSoFar(this.#redis, this.#queues, ['writes']);
  }

  note(records: readonly unknown[], page: StoredPage): void {
    this.#pages.set(contentHash(records), page);
  }

  /** The ids of a page that brings no news; undefined of any other. */
  async idsOf(records: readonly unknown[]): Promise<readonly string[] | undefined> {
    const page = this.#pages.get(contentHash(records));
    return page !== undefined && page.written === (await this.written()) ? page.ids : undefined;
  }
}
