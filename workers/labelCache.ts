import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { TokenLabel } from '../src/domain/trade.ts';
import type { Database } from '../src/store/clickhouse.ts';
import { findLabels } from '../src/store/labels.ts';

/** Known tokens kept in memory: about 60 MB when full. All tokens together would be gigabytes. */
const MAX_TOKENS = 100_000;
/** How long a token is taken for unknown once it was, at most, in milliseconds: a trade stored meanwhile is marked, and labelled later. */
const UNKNOWN_MS = 2_000;
/** From the begin of one query to that of the next, in times of what it took: at full rate few queries serve many pages. */
const REST = 10;
const LONGEST_REST_MS = 200;

type Labels = ReadonlyMap<string, TokenLabel>;

/** Token labels: memory first, then ClickHouse by key, one query at a time for all pages that wait. */
export class LabelCache {
  readonly #database: Database;
  readonly #known = new LRUCache<string, TokenLabel>({ max: MAX_TOKENS });
  /** Tokens that were unknown a moment ago, and since when they are collected, in milliseconds of a steady clock. */
  #unknown = new Set<string>();
  #unknownSince = 0;
  /** Tokens of the next query, and that query once it has been promised. */
  #wanted = new Set<string>();
  #next: Promise<Labels> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** When the next query may begin, of a steady clock. */
  #restedAt = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The labels of those tokens that a stored market lists. */
  async find(tokenIds: ReadonlySet<string>): Promise<Labels> {
    this.#forgetUnknown();
    const missing = [...tokenIds].filter((id) => !this.#known.has(id) && !this.#unknown.has(id));
    const found = missing.length === 0 ? undefined : await this.#lookUp(missing);
    const labels = new Map<string, TokenLabel>();
    for (const id of tokenIds) {
      const label = this.#known.get(id) ?? found?.get(id);
      if (label !== undefined) labels.set(id, label);
    }
    return labels;
  }

  /** Those that come while a query is under way, or shortly after a long one, are asked for together. */
  #lookUp(tokenIds: readonly string[]): Promise<Labels> {
    for (const id of tokenIds) this.#wanted.add(id);
    if (this.#next === undefined) {
      this.#next = this.#last.then(async () => {
        const restMs = Math.min(LONGEST_REST_MS, this.#restedAt - performance.now());
        if (restMs > 0) await sleep(restMs);
        return await this.#ask();
      });
      this.#last = this.#next.catch(() => undefined);
    }
    return this.#next;
  }

  async #ask(): Promise<Labels> {
    const wanted = [...this.#wanted];
    this.#wanted = new Set();
    this.#next = undefined;
    const began = performance.now();
    const labels = await findLabels(this.#database, wanted);
    this.#restedAt = began + (performance.now() - began) * REST;
    // By the ids of the answer: those asked for may be pieces of a page, and would keep all of it in memory.
    for (const [id, label] of labels) this.#known.set(id, label);
    for (const id of wanted) if (!labels.has(id)) this.#unknown.add(id);
    return labels;
  }

  #forgetUnknown(): void {
    const now = performance.now();
    if (now - this.#unknownSince < UNKNOWN_MS) return;
    this.#unknown = new Set();
    this.#unknownSince = now;
  }
}
