import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { DirectoryError } from './damage.ts';
import { ClickHouseException } from './exception.ts';
import { Gate, type Lane, type Release } from './gate.ts';
import { loadNative, type Connection, type NativeEngine } from './native.ts';
import { StreamThreads, type Chunk } from './streams.ts';
import { collect, isSafeInline, Spool } from './spool.ts';

/**
 * Where clickhouse-local differs from a server, caches for a small machine (bytes), and how often the engine looks at its own
 * memory: each 50 ms costs a fifth of a percent of a core, also while nothing is asked.
 */
const ENGINE_ARGS = [
  '--implicit_select=0',
  '--allow_introspection_functions=0',
  '--',
  '--mark_cache_size=268435456',
  '--index_mark_cache_size=67108864',
  '--primary_index_cache_size=134217728',
  '--memory_worker_period_ms=1000',
] as const;

/** Bodies above this go through a file. */
const IN_MEMORY_BYTES = 16 * 1024 * 1024;
const NO_DATA = /^Code: 108\./;
const NOTHING = { rowsWritten: 0, bytesWritten: 0 } as const;

const UNSUPPORTED_DATA =
  'The embedded ClickHouse takes the data of an INSERT SELECT FROM input() only as text of up to 16 MiB without empty lines';

export interface Job {
  /** Statements that set up the connection: database, settings, parameters. */
  readonly prelude: readonly string[];
  readonly sql: string;
  readonly format: string;
  /** Gives up a job that still waits, or a streamed one. */
  readonly signal: AbortSignal;
}

export interface InsertJob extends Job {
  readonly data: AsyncIterable<Buffer>;
  /** The same insert with its data in a file; undefined where there is no such. */
  readonly fromFile: ((path: string) => string) | undefined;
}

export interface Written {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * The engine of one data directory. Every job runs on a connection of its own (half a millisecond to open), so that
 * settings, parameters, current database and temporary tables never reach another job.
 */
export class Engine {
  readonly #native: NativeEngine;
  readonly #path: string;
  readonly #root: Connection;
  readonly #gate: Gate;
  readonly #spool: Spool;
  readonly #streams = new StreamThreads();

  /**
   * @param path absolute; made when it is not there.
   * @throws AppError NO_ENGINE, DATA_DIR
   */
  constructor(path: string) {
    this.#native = loadNative();
    this.#path = path;
    try {
      mkdirSync(path, { recursive: true });
      accessSync(path, constants.W_OK);
    } catch (cause) {
      throw new AppError('DATA_DIR', `The data directory ${path} cannot be written to.`, {
        retry: 'never',
        cause,
      });
    }
    try {
      this.#root = this.#native.CreateConnection(path, ENGINE_ARGS);
    } catch (cause) {
      throw new DirectoryError(path, cause);
    }
    // Only now is the directory surely nobody else's.
    this.#spool = new Spool(join(path, 'http_bodies'));
    // Each running statement holds a thread of libuv's pool; one stays free for compression and files.
    const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
    this.#gate = new Gate(Math.min(16, Math.max(2, threads - 1)));
    this.#streams.warm();
  }

  /** Runs a statement and gives its whole result. */
  async query(job: Job): Promise<Chunk> {
    return this.#onConnection('read', job, async (connection) => {
      const result = await this.#native.QueryAsyncConnection(connection, job.sql, job.format);
      return { bytes: result.bytes, rows: result.rowsRead };
    });
  }

  /** Runs a reading statement and yields its result block by block. */
  async *stream(job: Job): AsyncGenerator<Chunk, void, void> {
    const release = await this.#gate.enter('read', job.signal);
    try {
      yield* this.#streams.run({
        path: this.#path,
        args: ENGINE_ARGS,
        prelude: job.prelude,
        sql: job.sql,
        format: job.format,
      });
    } finally {
      release();
    }
  }

  /**
   * Inserts what the data holds. Small text goes to the engine as it is; anything else through a file, for two reasons:
   * memory, and that the engine takes an empty line for the end of the data, and what follows for the next statement.
   */
  async insert(job: InsertJob): Promise<Written> {
    const body = await collect(job.data, IN_MEMORY_BYTES);
    if (body.rest === undefined && (body.head.length === 0 || isSafeInline(job.format, body.head))) {
      return this.#insert(job, job.sql, body.head);
    }
    if (job.fromFile === undefined) throw new ClickHouseException(48, 'NOT_IMPLEMENTED', UNSUPPORTED_DATA);
    const file = await this.#spool.write(body);
    try {
      return await this.#insert(job, job.fromFile(file), Buffer.alloc(0));
    } finally {
      await this.#spool.remove(file);
    }
  }

  async #insert(job: Job, sql: string, data: Buffer): Promise<Written> {
    const { rowsWritten, bytesWritten } = await this.#onConnection('write', job, (connection) =>
      this.#native.InsertRawAsyncConnection(connection, sql, data, false).catch((error: unknown) => {
        // A server takes an empty body as no rows.
        if (data.length === 0 && error instanceof Error && NO_DATA.test(error.message)) return NOTHING;
        throw error;
      }),
    );
    return { rows: rowsWritten, bytes: bytesWritten };
  }

  /** Waits for what runs (at most the given milliseconds), then lets go of the directory. */
  async close(graceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), graceMs)));
    const outcome = await Promise.race([this.#gate.idle(), late]);
    clearTimeout(timer);
    if (outcome !== 'late') this.#native.CloseConnection(this.#root);
  }

  async #onConnection<T>(lane: Lane, job: Job, use: (connection: Connection) => Promise<T>): Promise<T> {
    const release: Release = await this.#gate.enter(lane, job.signal);
    let connection: Connection | undefined;
    try {
      connection = this.#native.CreateConnection(this.#path, ENGINE_ARGS);
      for (const statement of job.prelude)
        await this.#native.QueryAsyncConnection(connection, statement, 'Null');
      return await use(connection);
    } finally {
      if (connection !== undefined) this.#native.CloseConnection(connection);
      release();
    }
  }
}
