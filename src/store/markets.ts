import { chunksOf } from '../base/chunks.ts';
import type { Database } from './clickhouse.ts';

/** A parameter of a query has at most 128 KiB. */
const TOKENS_A_QUERY = 1_000;

/** Those of the given markets that are stored. */
export async function storedMarketIds(database: Database, ids: readonly string[]): Promise<string[]> {
  return [...(await storedMarkets(database, ids)).keys()];
}

/** The newest stored version of a market. */
export interface StoredMarket {
  readonly contentHash: string;
  /** Milliseconds, as answerVersion made it. */
  readonly version: number;
  /** ClickHouse's clock at the look, milliseconds. */
  readonly now: number;
}

/** Those of the given markets that are stored, by id. */
export async function storedMarkets(
  database: Database,
  ids: readonly string[],
): Promise<Map<string, StoredMarket>> {
  if (ids.length === 0) return new Map();
  const rows = await database.rows<{ id: string; content_hash: string; version: string; now: string }>(
    `SELECT id, content_hash, version, toUnixTimestamp64Milli(now64(3)) AS now
     FROM market_versions FINAL WHERE id IN {ids:Array(String)}`,
    { ids },
  );
  return new Map(
    rows.map((row) => [
      row.id,
      { contentHash: row.content_hash, version: Number(row.version), now: Number(row.now) },
    ]),
  );
}

/** An answer this much behind ClickHouse's clock, in milliseconds, is an old one that comes late. */
const LATE_MS = 600_000;

/**
 * The version of an answer: the millisecond at which it was given, so that an older one that comes late changes nothing.
 * A stored version ahead of ClickHouse's clock is of a clock that was wrong, and says nothing about time: any answer but
 * a late one goes above it, or the market would stand still until that time has come.
 * @returns undefined where what is stored is newer
 */
export function answerVersion(fetchedAt: number, stored: StoredMarket | undefined): number | undefined {
  if (stored === undefined || fetchedAt > stored.version) return fetchedAt;
  const isAhead = stored.version > stored.now;
  return isAhead && fetchedAt > stored.now - LATE_MS ? stored.version + 1 : undefined;
}

/** Versions of those of the given tokens whose labels are of a clock ahead of ClickHouse's. */
export async function tokensAhead(
  database: Database,
  tokenIds: readonly string[],
): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for (const tokens of chunksOf(tokenIds, TOKENS_A_QUERY)) {
    const rows = await database.rows<{ token_id: string; version: string }>(
      `SELECT token_id, version FROM market_token_versions FINAL
       WHERE token_id IN {tokens:Array(String)} AND version > toUnixTimestamp64Milli(now64(3))`,
      { tokens },
    );
    for (const row of rows) versions.set(row.token_id, Number(row.version));
  }
  return versions;
}

/** Markets whose newest stored version is open: tens of thousands. */
export async function openMarketIds(database: Database): Promise<string[]> {
  const rows = await database.rows<{ id: string }>('SELECT id FROM market_versions FINAL WHERE NOT closed');
  return rows.map((row) => row.id);
}
