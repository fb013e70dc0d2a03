import { LRUCache } from 'lru-cache';
import type { TokenLabel } from '../src/domain/trade.ts';
import type { Database } from '../src/store/clickhouse.ts';
import { findLabels } from '../src/store/labels.ts';

/** Known tokens kept in memory: about 60 MB when full. All tokens together would be gigabytes. */
const MAX_TOKENS = 100_000;

/** Token labels: memory first, then ClickHouse by key. Unknown tokens are asked for again each time. */
export class LabelCache {
  readonly #database: Database;
  readonly #known = new LRUCache<string, TokenLabel>({ max: MAX_TOKENS });

  constructor(database: Database) {
    this.#database = database;
  }

  /** The labels of those tokens that a stored market lists. */
  async find(tokenIds: ReadonlySet<string>): Promise<ReadonlyMap<string, TokenLabel>> {
    const labels = new Map<string, TokenLabel>();
    const missing: string[] = [];
    for (const tokenId of tokenIds) {
      const label = this.#known.get(tokenId);
      if (label === undefined) missing.push(tokenId);
      else labels.set(tokenId, label);
    }
    for (const [tokenId, label] of await findLabels(this.#database, missing)) {
      this.#known.set(tokenId, label);
      labels.set(tokenId, label);
    }
    return labels;
  }
}
