import type { Database } from '../../src/store/clickhouse.ts';
import { readEraLines } from '../support/chainRows.ts';
import { normalPrice, readOrderEvents, readTrades, sortedFields } from '../support/tables.ts';
import type { Expected } from './source.ts';

/** How a table differs from what it should hold. */
export interface Difference {
  readonly table: 'order_events' | 'order_events, other columns' | 'trades' | 'quarantine';
  readonly rows: number;
  readonly expected: number;
  /** Ids (quarantine: records) that are not there, that should not be there, that are there more than once. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly twice: readonly string[];
  /** Rows with other content. */
  readonly different: readonly { readonly id: string; readonly expected: string; readonly actual: string }[];
}

export interface Comparison {
  readonly tables: readonly Difference[];
  /** Ranges that are not covered. */
  readonly gaps: number;
  readonly rowsCompared: number;
  readonly labels: number;
  readonly isExact: boolean;
}

/** Compares every row and every field with what is expected. */
export async function compare(database: Database, expected: Expected): Promise<Comparison> {
  const trades = (await readTrades(database)).map(normalPrice);
  const quarantined = await database.rows<{ record: string }>('SELECT record FROM quarantine');
  const gaps = await database.rows<{ n: string }>('SELECT count() AS n FROM coverage_gaps');
  const tables = [
    difference('order_events', byId(await readOrderEvents(database)), expected.orderEvents),
    difference(
      'trades',
      byId(trades),
      new Map([...expected.trades].map(([id, line]) => [id, normalPrice(line)])),
    ),
    difference(
      'quarantine',
      quarantined.map(({ record }) => [sortedFields(record), '']),
      new Map([...expected.quarantine].map((record) => [sortedFields(record), ''])),
      new Set([...expected.mayBeQuarantined].map(sortedFields)),
    ),
    ...(expected.eras === undefined
      ? []
      : [difference('order_events, other columns', byId(await readEraLines(database)), expected.eras)]),
  ];
  const openGaps = Number(gaps[0]?.n);
  return {
    tables,
    gaps: openGaps,
    rowsCompared: tables.reduce((sum, { rows }) => sum + rows, 0),
    labels: trades.filter((line) => line.split('|')[2] !== '').length,
    isExact: openGaps === 0 && tables.every(isSame),
  };
}

export function isSame({ missing, extra, twice, different }: Difference): boolean {
  return missing.length + extra.length + twice.length + different.length === 0;
}

function byId(lines: readonly string[]): [id: string, line: string][] {
  return lines.map((line) => [line.slice(0, line.indexOf('|')), line]);
}

function difference(
  table: Difference['table'],
  actual: readonly (readonly [id: string, line: string])[],
  expected: ReadonlyMap<string, string>,
  allowed: ReadonlySet<string> = new Set(),
): Difference {
  const seen = new Set<string>();
  const extra: string[] = [];
  const twice: string[] = [];
  const different: { id: string; expected: string; actual: string }[] = [];
  for (const [id, line] of actual) {
    const wanted = expected.get(id);
    if (wanted === undefined) {
      if (!allowed.has(id)) extra.push(id);
    } else if (wanted !== line) different.push({ id, expected: wanted, actual: line });
    if (seen.has(id)) twice.push(id);
    seen.add(id);
  }
  const missing = [...expected.keys()].filter((id) => !seen.has(id));
  return { table, rows: actual.length, expected: expected.size, missing, extra, twice, different };
}
