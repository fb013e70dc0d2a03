import { ClickHouseRefused, type Database } from './clickhouse.ts';

/** ClickHouse server codes: no such table, no such database. */
const MISSING = new Set([60, 81]);

export type Contents = 'empty' | 'demo' | 'live';

/**
 * Whether a database holds made demo data or the real thing: the two must never meet. Demo data is marked by a
 * table that only the demo makes.
 */
export async function contentsOf(database: Database): Promise<Contents> {
  const marked = await countOrNone(database, 'SELECT count() AS n FROM demo_mark');
  if (marked !== undefined) return 'demo';
  const covered = await countOrNone(database, 'SELECT count() AS n FROM coverage');
  return covered === undefined || covered === 0 ? 'empty' : 'live';
}

export async function markAsDemo(database: Database): Promise<void> {
  await database.runOutside(`CREATE DATABASE IF NOT EXISTS ${database.name}`);
  await database.run(
    'CREATE TABLE IF NOT EXISTS demo_mark (made_at DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY made_at',
  );
}

async function countOrNone(database: Database, query: string): Promise<number | undefined> {
  try {
    const rows = await database.rows<{ n: string }>(query);
    return Number(rows[0]?.n ?? 0);
  } catch (error) {
    if (error instanceof ClickHouseRefused && MISSING.has(error.serverCode)) return undefined;
    throw error;
  }
}
