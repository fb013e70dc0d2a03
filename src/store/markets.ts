import type { Database } from './clickhouse.ts';

/** Those of the given markets that are stored. */
export async function storedMarketIds(database: Database, ids: readonly string[]): Promise<string[]> {
  return [...(await storedContentHashes(database, ids)).keys()];
}

/** Content hash of the newest stored version of each of the given markets that is stored. */
export async function storedContentHashes(
  database: Database,
  ids: readonly string[],
): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await database.rows<{ id: string; content_hash: string }>(
    'SELECT id, content_hash FROM market_versions FINAL WHERE id IN {ids:Array(String)}',
    { ids },
  );
  return new Map(rows.map((row) => [row.id, row.content_hash]));
}

/** Markets whose newest stored version is open: tens of thousands. */
export async function openMarketIds(database: Database): Promise<string[]> {
  const rows = await database.rows<{ id: string }>('SELECT id FROM market_versions FINAL WHERE NOT closed');
  return rows.map((row) => row.id);
}
