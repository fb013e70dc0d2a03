import { createHash } from 'node:crypto';
import type { CoveredRange } from '../domain/coverage.ts';
import { ClickHouseRefused, type Database } from './clickhouse.ts';
import { coverageRow, DATA_TABLES, quarantineRow, TABLES, type DataTable } from './tables.ts';

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
  return { count: rows.length, lines: rows.length === 0 ? '' : `${rows.join('\n')}\n` };
}

/**
 * Writes a batch: the rows of every table, then the coverage. Done means on disk; done twice changes nothing.
 * A row that ClickHouse refuses is found by halving, goes to quarantine, and blocks no other.
 * @returns how many rows went to quarantine so
 * @throws ClickHouseUnavailable | ClickHouseRefused when no row is to blame
 */
export async function writeBatch(database: Database, batch: Batch): Promise<number> {
  const refusedRows: string[] = [];
  for (const table of DATA_TABLES) {
    const parts = batch.rows[table];
    if (parts === undefined) continue;
    const lines = parts.map((part) => part.lines).filter((text) => text !== '');
    if (lines.length === 0) continue;
    try {
      await database.insertLines(table, TABLES[table], lines);
    } catch (error) {
      if (!(error instanceof ClickHouseRefused) || !error.isAboutRows) throw error;
      refusedRows.push(...(await bisect(database, table, splitLines(lines.join('')), error)));
    }
  }
  if (refusedRows.length > 0) {
    await database.insertLines('quarantine_versions', TABLES.quarantine_versions, [
      `${refusedRows.join('\n')}\n`,
    ]);
  }
  if (batch.coverage.length > 0) {
    const lines = `${batch.coverage.map(coverageRow).join('\n')}\n`;
    await database.insertLines('coverage_versions', TABLES.coverage_versions, [lines]);
  }
  return refusedRows.length;
}

/** Inserts what can be inserted; gives the quarantine rows of the lines that cannot. */
async function bisect(
  database: Database,
  table: DataTable,
  lines: readonly string[],
  reason: ClickHouseRefused,
): Promise<string[]> {
  if (lines.length === 1) {
    const line = lines[0] ?? '';
    const hash = createHash('sha256').update(line).digest('hex');
    const text = `refused by ClickHouse: ${String(reason.context['serverText'] ?? reason.message)}`;
    return [quarantineRow(`clickhouse.${table}`, hash, text, line, Date.now())];
  }
  const middle = Math.ceil(lines.length / 2);
  const refused: string[] = [];
  for (const half of [lines.slice(0, middle), lines.slice(middle)]) {
    try {
      await database.insertLines(table, TABLES[table], [`${half.join('\n')}\n`]);
    } catch (error) {
      if (!(error instanceof ClickHouseRefused) || !error.isAboutRows) throw error;
      refused.push(...(await bisect(database, table, half, error)));
    }
  }
  return refused;
}

function splitLines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
