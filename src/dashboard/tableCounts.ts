import type { Database } from '../store/clickhouse.ts';
import { EventRates } from './eventRates.ts';
import { Lane, Refreshed } from './refreshed.ts';

/** The views whose rows are counted, as users query them. */
export const COUNTED_TABLES = ['markets', 'order_events', 'trades', 'quarantine'] as const;

export type CountedTable = (typeof COUNTED_TABLES)[number];

/**
 * Exact row counts. A count over billions of rows is not free, so each is kept for a multiple of the time it took,
 * and there is never more than one under way.
 */
export class TableCounts {
  /** Order events a second, from one count to the next. */
  readonly rates = new EventRates();
  readonly #counts: ReadonlyMap<CountedTable, Refreshed<number>>;

  constructor(database: Database) {
    const lane = new Lane();
    const counted = (table: CountedTable) =>
      table === 'order_events' ? this.#countOrderEvents(database) : countRows(database, table);
    this.#counts = new Map(COUNTED_TABLES.map((table) => [table, new Refreshed(() => counted(table), lane)]));
  }

  /** Counts again what is due. Resolves when that is done; never rejects. */
  async refresh(): Promise<void> {
    await Promise.all([...this.#counts.values()].map((count) => count.refresh()));
  }

  /** The last known counts; null where a table could not be counted yet. */
  latest(): Record<CountedTable, number | null> {
    const count = (table: CountedTable) => this.#counts.get(table)?.latest ?? null;
    return {
      markets: count('markets'),
      order_events: count('order_events'),
      trades: count('trades'),
      quarantine: count('quarantine'),
    };
  }

  /** What went wrong with the last counts, each once. */
  problems(): string[] {
    const problems = [...this.#counts.values()].flatMap(({ problem }) => problem ?? []);
    return [...new Set(problems)];
  }

  async #countOrderEvents(database: Database): Promise<number> {
    const rows = await database.rows<{ source: string; rows: string }>(
      'SELECT source, count() AS rows FROM order_events GROUP BY source',
    );
    const bySource = new Map(rows.map((row) => [row.source, Number(row.rows)]));
    this.rates.add(bySource, Date.now());
    return [...bySource.values()].reduce((sum, count) => sum + count, 0);
  }
}

async function countRows(database: Database, table: CountedTable): Promise<number> {
  const [row] = await database.rows<{ rows: string }>(`SELECT count() AS rows FROM ${table}`);
  return Number(row?.rows ?? 0);
}
