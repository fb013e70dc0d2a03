import { log } from '../src/base/log.ts';
import { DATA_TABLES, type DataTable } from '../src/store/tables.ts';
import { writeBatch, type Batch, type EncodedRows } from '../src/store/batch.ts';
import { ClickHouseRefused, ClickHouseUnavailable, type Database } from '../src/store/clickhouse.ts';
import type { WritesPayload } from '../queues/payloads.ts';
import type { WorkerContext } from './context.ts';
import type { Processor } from './register.ts';
import { WritePace } from './writePace.ts';

/** A server that hangs and one that is slow are told apart by whether it answers a ping in this time. Milliseconds. */
const PING_MS = 2_000;

/** Jobs that come together go together: the first one waits for the others so long, in milliseconds. */
const LINGER_MS = 10;
/** Inserts that are not full take so many parts of the time at most: 1 of 10. */
const REST = 10;

/** Half as many inserts cost ClickHouse a quarter less for each row. */
const MOST_AT_ONCE = 2;

/** What is to be written: the payload of a `writes` job, or rows that are no text any more. */
export type Write = Omit<WritesPayload, 'rows'> & {
  readonly rows: Readonly<Partial<Record<DataTable, EncodedRows>>>;
};

interface HeldJob {
  readonly payload: Write;
  readonly rows: number;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export interface WriterOptions {
  readonly batchRows: number;
  /** Jobs that can be held at once: when as many are, no other can come. */
  readonly mostHeld?: number;
  /** Milliseconds from the first held job to the insert at most. */
  readonly maxWaitMs: number;
  /** Milliseconds until an insert is given up, where ClickHouse keeps up. */
  readonly insertMs?: number;
}

/**
 * Holds write jobs and inserts many of them together: at `batchRows` rows or `maxWaitMs` after the first, whichever comes
 * first. A writer that has rested waits for neither: ten times as long as its last insert took, but no longer than
 * `maxWaitMs`. So inserts stay few and a quiet pipeline writes at once. A job is done only when its rows and its coverage
 * are on disk.
 */
export class BatchingWriter {
  readonly #database: Database;
  readonly #options: WriterOptions;
  readonly #pace: WritePace;
  readonly #logger = log('writes');
  #held: HeldJob[] = [];
  #heldRows = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  /** When the writer has rested, of performance.now(). */
  #restedAt = 0;
  #closing = false;

  constructor(database: Database, options: WriterOptions) {
    this.#database = database;
    this.#options = options;
    this.#pace = new WritePace(options.batchRows, options.insertMs);
  }

  /** Done when the job's rows are on disk. @throws ClickHouseUnavailable | ClickHouseRefused */
  write(payload: Write): Promise<void> {
    return new Promise((done, failed) => {
      const rows = Object.values(payload.rows).reduce((sum, encoded) => sum + encoded.count, 0);
      this.#held.push({ payload, rows, done, failed });
      this.#heldRows += rows;
      if (this.#closing || this.#isFull()) this.#flushSoon();
      else if (this.#flushing === undefined) this.#flushInTime();
    });
  }

  /** From now on nothing is held back: what is held, and what still comes, is inserted at once. */
  hurry(): void {
    this.#closing = true;
    this.#flushSoon();
  }

  /** What is held now is inserted once the writer has rested. */
  #flushInTime(): void {
    const restMs = Math.max(LINGER_MS, this.#restedAt - performance.now());
    this.#timer ??= setTimeout(() => this.#flushSoon(), Math.min(restMs, this.#options.maxWaitMs));
  }

  #flushSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined;
      if (this.#held.length > 0) this.#flushInTime();
    });
  }

  /** One insert at a time: what arrives meanwhile makes the next one larger. */
  async #flushAll(): Promise<void> {
    do {
      const began = performance.now();
      await this.#flush(this.#takeBatch());
      this.#restedAt = began + Math.min(this.#options.maxWaitMs, (performance.now() - began) * REST);
    } while (this.#held.length > 0 && (this.#closing || this.#isFull()));
  }

  #isFull(): boolean {
    const { mostHeld = Infinity } = this.#options;
    return this.#heldRows >= this.#pace.rows || this.#held.length >= mostHeld;
  }

  /** Held jobs, at least one: what has come during the insert before goes along, up to so many times the size of the moment. */
  #takeBatch(): HeldJob[] {
    let rows = 0;
    let count = 0;
    while (count < this.#held.length && (count === 0 || rows < this.#pace.rows * MOST_AT_ONCE)) {
      rows += this.#held[count]?.rows ?? 0;
      count += 1;
    }
    this.#heldRows -= rows;
    return this.#held.splice(0, count);
  }

  async #flush(jobs: readonly HeldJob[]): Promise<void> {
    const started = performance.now();
    try {
      const batch = merge(jobs.map((job) => job.payload));
      const refused = await writeBatch(this.#database, batch, this.#pace.insertMs);
      this.#pace.worked(performance.now() - started);
      if (refused > 0) this.#logger.warn(`ClickHouse refused ${refused} rows: they are in quarantine.`);
      for (const job of jobs) job.done();
    } catch (error) {
      const refused = error instanceof ClickHouseRefused && error.retry === 'attempt';
      // What ClickHouse refuses of several jobs together it may take of each: only the guilty job shall fail.
      if (refused && jobs.length > 1) {
        for (const job of jobs) await this.#flush([job]);
        return;
      }
      for (const job of jobs) job.failed(error);
      if (refused) return;
      const timedOut = error instanceof ClickHouseUnavailable && error.timedOut;
      this.#pace.failed(timedOut && (await this.#database.answers(PING_MS)));
    }
  }
}

/** Several payloads as one: the rows of each table together, all ranges after them. */
function merge(payloads: readonly Write[]): Batch {
  const rows: Partial<Record<DataTable, EncodedRows[]>> = {};
  for (const table of DATA_TABLES) {
    const parts = payloads.flatMap((payload) => payload.rows[table] ?? []);
    if (parts.length > 0) rows[table] = parts;
  }
  return {
    rows,
    coverage: payloads.flatMap((payload) => payload.coverage),
    resolved: payloads.flatMap((payload) => payload.resolved ?? []),
  };
}

/** Has the rows of a job written. */
export function writes({ writer }: WorkerContext): Processor<'writes'> {
  return async (payload) => {
    await writer.write(payload);
    return Object.fromEntries(
      Object.entries(payload.rows)
        .filter(([, rows]) => rows.count > 0)
        .map(([table, rows]) => [table, rows.count]),
    );
  };
}
