import { AppError, oneLine } from '../../src/base/errors.ts';
import type { Database } from '../../src/store/clickhouse.ts';
import { isSame, type Comparison, type Difference } from './compare.ts';
import type { Source } from './source.ts';

/** How many ids of a table are looked at, and how much of a record is printed. */
const MOST_IDS = 20;
const MOST_TEXT = 200;

/** What is known of the rows that are not as they should be: lines to print. */
export async function findings(
  database: Database,
  source: Source,
  { tables, gaps }: Comparison,
): Promise<string[]> {
  const lines: string[] = [];
  for (const difference of tables.filter((table) => !isSame(table))) {
    const { table, rows, expected, missing, extra, twice, different } = difference;
    lines.push(
      `${table}: ${rows} rows, ${expected} expected; ${missing.length} missing, ${extra.length} too many, ` +
        `${different.length} different, ${twice.length} twice`,
    );
    for (const [what, id] of oddOnes(difference).slice(0, MOST_IDS)) {
      lines.push(`  ${what} ${id.slice(0, MOST_TEXT)}`);
      if (table !== 'quarantine') lines.push(...(await historyOf(database, source, id)));
    }
    for (const { expected: wanted, actual } of different.slice(0, 3)) {
      lines.push(`  expected ${wanted}`, `  is       ${actual}`);
    }
  }
  if (gaps > 0) lines.push(`coverage: ${gaps} gaps`, ...(await answer(database, GAPS, {})));
  return lines;
}

function oddOnes({ missing, extra, twice, different }: Difference): [what: string, id: string][] {
  return [
    ...missing.map((id): [string, string] => ['missing  ', id]),
    ...extra.map((id): [string, string] => ['too many ', id]),
    ...twice.map((id): [string, string] => ['twice    ', id]),
    ...different.map(({ id }): [string, string] => ['different', id]),
  ];
}

const VERSIONS = `
  SELECT 'stored: second ' || toString(toUnixTimestamp(timestamp)) ||
    if(block_number = 0, '', ', block ' || toString(block_number) || ' ' || block_hash) || ', answered ' ||
    toString(fromUnixTimestamp64Milli(toInt64(intDiv(version, 2)), 'UTC')) ||
    if(is_deleted, ', deleted', '') || if(market_id = '', ', no label', '') AS line
  FROM order_event_versions
  WHERE `;

const GAPS = `
  SELECT 'from ' || toString(from_position) || ' ' || from_id || ' to ' || toString(to_position) || ' ' || to_id AS line
  FROM coverage_gaps LIMIT 20`;

async function historyOf(database: Database, source: Source, id: string): Promise<string[]> {
  const { lines, where, params } = source.story(id);
  return [
    ...lines.map((line) => `    ${line}`),
    ...(await answer(database, `${VERSIONS}${where} ORDER BY version`, params)),
  ];
}

async function answer(database: Database, query: string, params: Record<string, unknown>): Promise<string[]> {
  try {
    const rows = await database.rows<{ line: string }>(query, params);
    return rows.map(({ line }) => `    ${line}`);
  } catch (error) {
    if (error instanceof AppError) return [`    (${oneLine(error)})`];
    throw error;
  }
}
