import type { Write } from '../../workers/writes.ts';
import type { Batch, EncodedRows } from '../../src/store/batch.ts';
import { rowHash } from '../../src/store/rowKey.ts';
import { DATA_TABLES, type DataTable } from '../../src/store/tables.ts';
import { linesOf } from './checks.ts';

/** Rows of many pages, for one batch, and how many of them the tables must hold then. */
export class Landings {
  pages = 0;
  readonly #rows = new Map<DataTable, EncodedRows[]>();
  readonly #coverage: Write['coverage'] = [];

  add(writes: readonly Write[]): void {
    for (const { rows, coverage } of writes) {
      this.pages++;
      this.#coverage.push(...coverage);
      for (const table of DATA_TABLES) {
        const encoded = rows[table];
        if (encoded !== undefined) this.#rows.set(table, [...(this.#rows.get(table) ?? []), encoded]);
      }
    }
  }

  batch(): Batch {
    return { rows: Object.fromEntries(this.#rows), coverage: this.#coverage };
  }

  /** Rows that differ in what makes a row itself. */
  expected(): Record<'events' | 'markets' | 'quarantine', number> {
    return {
      events: this.#distinct('order_event_versions'),
      markets: this.#distinct('market_versions'),
      quarantine: this.#distinct('quarantine_versions'),
    };
  }

  #distinct(table: DataTable): number {
    const lines = (this.#rows.get(table) ?? []).flatMap((encoded) => linesOf(encoded.lines));
    return new Set(lines.map((line) => rowHash(table, line))).size;
  }
}
