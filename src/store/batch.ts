import { createHash } from 'node:crypto';
import type { CoveredRange } from '../domain/coverage.ts';
import { ClickHouseRefused, type Database } from './clickhouse.ts';
import { recordCoverage } from './coverage.ts';
import { DATA_TABLES, quarantineRow, TABLES, toLines, type DataTable } from './tables.ts';

/** Encoded rows of one table: lines of JSONCompactEachRow, each ended by a newline. */
export interface EncodedRows {
  readonly count: number;
  readonly lines: string;
}

/** Rows that become visible together, and the ranges that are covered once they are. */
export interface Batch {
  readonly rows: Partial<Record<DataTable, readonly EncodedRows[]>>;
  readonly coverage: readonly CoveredRange[];
}

export function encodeRows(rows: readonly string[]): EncodedRows {
  return { count: rows.length, lines: toLines(rows) };
}

/**
 * Writes a batch: the rows of every table, then the coverage. Done means on disk; done twice changes nothing.
 * A row that ClickHouse refuses is found by halving, goes to quarantine, and blocks no other.
 * @returns how many rows went to quarantine so
 * @throws ClickHouseUnavailable | ClickHouseRefused when no row is to blame
 */
export async function writeBatch(database: Database, batch: Batch): Promise<number> {
  const refused: string[] = [];
  for (const table of DATA_TABLES) {
    const texts = (batch.rows[table] ?? []).map((part) => part.lines).filter((text) => text !== '');
    if (texts.length > 0) refused.push(...(await insertSifting(database, table, texts)));
  }
  if (refused.length > 0) {
    await database.insertLines('quarantine_versions', TABLES.quarantine_versions, [toLines(refused)]);
  }
  if (batch.coverage.length > 0) await recordCoverage(database, batch.coverage);
  return refused.length;
}

/** Inserts what can be inserted, halving what is refused; gives the quarantine rows of the lines that cannot. */
async function insertSifting(
  database: Database,
  table: DataTable,
  texts: readonly string[],
): Promise<string[]> {
  try {
    await database.insertLines(table, TABLES[table], texts);
    return [];
  } catch (error) {
    if (!(error instanceof ClickHouseRefused) || !error.isAboutRows) throw error;
    const lines = splitLines(texts.join(''));
    const [only] = lines;
    if (lines.length === 1 && only !== undefined) return [refusedRow(table, only, error)];
    const middle = Math.ceil(lines.length / 2);
    return [
      ...(await insertSifting(database, table, [toLines(lines.slice(0, middle))])),
      ...(await insertSifting(database, table, [toLines(lines.slice(middle))])),
    ];
  }
}

function refusedRow(table: DataTable, line: string, reason: ClickHouseRefused): string {
  const hash = createHash('sha256').update(line).digest('hex');
  const text = `refused by ClickHouse: ${String(reason.context['serverText'] ?? reason.message)}`;
  return quarantineRow(`clickhouse.${table}`, hash, text, line, Date.now());
}

function splitLines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
