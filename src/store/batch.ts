import type { CoveredRange } from '../domain/coverage.ts';
import { ClickHouseRefused, INSERT_MS, type Database } from './clickhouse.ts';
import { recordCoverage } from './coverage.ts';
import { resolve, rowSource, type Resolution } from './quarantine.ts';
import { currentRow, rowHash } from './rowKey.ts';
import { DATA_TABLES, quarantineRow, TABLES, toLines, type DataTable } from './tables.ts';

/** Encoded rows of one table: lines of JSONCompactEachRow, each ended by a newline. */
export interface EncodedRows {
  readonly count: number;
  /** Text, or its UTF-8. */
  readonly lines: string | Buffer;
}

/** Rows that become visible together, and the ranges that are covered once they are. */
export interface Batch {
  readonly rows: Partial<Record<DataTable, readonly EncodedRows[]>>;
  readonly coverage: readonly CoveredRange[];
  /** Quarantined records that have become rows of this batch. */
  readonly resolved?: readonly Resolution[];
}

/** As text, which a job can carry. */
export function encodeRows(rows: readonly string[]): EncodedRows & { readonly lines: string } {
  return { count: rows.length, lines: toLines(rows) };
}

/**
 * Writes a batch: the rows of every table, then what they resolve and the coverage. Done means on disk; done twice
 * changes nothing.
 * A row that ClickHouse refuses is found by halving, goes to quarantine, and blocks no other.
 * @param insertMs how long one insert may take, in milliseconds
 * @returns how many rows went to quarantine so
 * @throws ClickHouseUnavailable | ClickHouseRefused when no row is to blame
 */
export async function writeBatch(
  database: Database,
  batch: Batch,
  insertMs: number = INSERT_MS,
): Promise<number> {
  const refused: RefusedRow[] = [];
  for (const table of DATA_TABLES) {
    const texts = (batch.rows[table] ?? []).map((part) => part.lines).filter((lines) => lines.length > 0);
    if (texts.length > 0) refused.push(...(await insertSifting(database, table, texts, insertMs)));
  }
  if (refused.length > 0) {
    const rows = toLines(refused.map(({ row }) => row));
    await database.insertLines('quarantine_versions', TABLES.quarantine_versions, [rows]);
  }
  const { resolved = [] } = batch;
  if (resolved.length > 0) await resolve(database, resolved, new Set(refused.map(({ hash }) => hash)));
  if (batch.coverage.length > 0) await recordCoverage(database, batch.coverage);
  return refused.length;
}

interface RefusedRow {
  /** What makes the row itself (rowHash). */
  readonly hash: string;
  /** For the quarantine. */
  readonly row: string;
}

/** Inserts what can be inserted, older rows as they are written now, halving what is refused; gives the lines that cannot. */
async function insertSifting(
  database: Database,
  table: DataTable,
  texts: readonly EncodedRows['lines'][],
  insertMs: number,
): Promise<RefusedRow[]> {
  try {
    await database.insertLines(table, TABLES[table], texts, insertMs);
    return [];
  } catch (error) {
    if (!(error instanceof ClickHouseRefused) || error.blame !== 'rows') throw error;
    const given = splitLines(texts.map((lines) => lines.toString()).join(''));
    const lines = given.map((line) => currentRow(table, line));
    if (lines.some((line, index) => line !== given[index]))
      return await insertSifting(database, table, [toLines(lines)], insertMs);
    const [only] = lines;
    if (lines.length === 1 && only !== undefined) return [refusedRow(table, only, error)];
    const middle = Math.ceil(lines.length / 2);
    return [
      ...(await insertSifting(database, table, [toLines(lines.slice(0, middle))], insertMs)),
      ...(await insertSifting(database, table, [toLines(lines.slice(middle))], insertMs)),
    ];
  }
}

/** A row that is refused again, in another version too, replaces itself in quarantine. */
function refusedRow(table: DataTable, line: string, error: ClickHouseRefused): RefusedRow {
  const hash = rowHash(table, line);
  const reason = `refused by ClickHouse: ${troubleWith(error)}`;
  return { hash, row: quarantineRow(rowSource(table), hash, reason, line, Date.now()) };
}

/** Short, and the same for every row with the same trouble: the error's name, and its constraint or column. */
function troubleWith(error: ClickHouseRefused): string {
  const text = String(error.context['serverText'] ?? '');
  const constraint = /^Constraint `([^`]+)`/.exec(text)?.[1] ?? '';
  const column = /while reading the value of key (\w+)/.exec(text)?.[1];
  return `${error.serverType} ${column === undefined ? constraint : `in ${column}`}`.trimEnd();
}

function splitLines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
