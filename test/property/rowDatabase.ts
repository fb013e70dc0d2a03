import { ClickHouseRefused, ClickHouseUnavailable, type Database } from '../../src/store/clickhouse.ts';

/** What an insert meets instead of being done. */
export type Trouble = 'no answer, nothing in' | 'no answer, rows in' | 'refused';

/** One insert that was sent, and whether its rows are in. */
export interface Insert {
  readonly table: string;
  readonly rows: readonly string[];
  readonly isIn: boolean;
}

/**
 * Stands in for ClickHouse where only inserts count: an insert with a bad row is refused whole, for its rows, and the
 * inserts in between meet the troubles that are set. Rows are a set, as in the tables.
 */
export class RowDatabase {
  readonly inserts: Insert[] = [];
  readonly #isBad: (table: string, row: string) => boolean;
  readonly #troubles: (Trouble | undefined)[];
  #running = 0;
  mostAtOnce = 0;

  constructor(
    isBad: (table: string, row: string) => boolean,
    troubles: readonly (Trouble | undefined)[] = [],
  ) {
    this.#isBad = isBad;
    this.#troubles = [...troubles];
  }

  /** The part of it that batches use. */
  get database(): Database {
    return this as unknown as Database;
  }

  /** The rows that are in; each once. */
  rows(table: string): string[] {
    const inserts = this.inserts.filter((insert) => insert.isIn && insert.table === table);
    return [...new Set(inserts.flatMap((insert) => insert.rows))];
  }

  async insertLines(table: string, _columns: readonly string[], chunks: readonly string[]): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
    await new Promise((resolve) => setImmediate(resolve));
    this.#running--;
    const rows = chunks.join('').split('\n').slice(0, -1);
    const trouble = this.#troubles.shift();
    const isBad = rows.some((row) => this.#isBad(table, row));
    const isIn = !isBad && trouble !== 'refused' && trouble !== 'no answer, nothing in';
    this.inserts.push({ table, rows, isIn });
    if (trouble?.startsWith('no answer') === true) throw unavailable();
    if (trouble === 'refused') throw refused(table, 60, 'UNKNOWN_TABLE');
    if (isBad) throw refused(table, 27, 'CANNOT_PARSE_INPUT');
  }
}

function refused(table: string, code: number, type: string): ClickHouseRefused {
  return new ClickHouseRefused(`an insert into ${table}`, { code, type, text: 'refused by the test' });
}

function unavailable(): ClickHouseUnavailable {
  return new ClickHouseUnavailable('http://127.0.0.1:1', new Error('socket hang up'));
}
