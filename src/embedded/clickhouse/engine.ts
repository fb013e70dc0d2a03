import { accessSync, constants, mkdirSync } from 'node:fs';
import { AppError } from '../../base/errors.ts';
import { Gate, type Lane, type Release } from './gate.ts';
import { loadNative, type Connection, type NativeEngine } from './native.ts';
import { StreamThreads, type Chunk } from './streams.ts';
import { quote } from './statement.ts';

/** Where clickhouse-local differs from a server, and caches for a small machine (bytes). */
const ENGINE_ARGS = [
  '--implicit_select=0',
  '--allow_introspection_functions=0',
  '--',
  '--mark_cache_size=268435456',
  '--index_mark_cache_size=67108864',
  '--primary_index_cache_size=134217728',
] as const;

/** Bodies above this are inserted in parts where the format allows it. */
const PART_BYTES = 32 * 1024 * 1024;
const TOKEN_SETTING = 'insert_deduplication_token';

export interface Job {
  /** Statements that set up the connection: database, settings, parameters. */
  readonly prelude: string;
  readonly sql: string;
  readonly format: string;
  /** Gives up a job that still waits, or a streamed one. */
  readonly signal: AbortSignal;
}

export interface InsertJob extends Job {
  readonly data: AsyncIterable<Buffer>;
  readonly boundary: ((data: Buffer) => number) | undefined;
  readonly deduplicationToken: string | undefined;
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
      throw new AppError('DATA_DIR', `The data directory ${path} cannot be written to.`, { retry: 'never', cause });
    }
    try {
      this.#root = this.#native.CreateConnection(path, ENGINE_ARGS);
    } catch (cause) {
      const text = `ClickHouse cannot open ${path}: another process is using this directory (or its files are damaged).`;
      throw new AppError('DATA_DIR', `${text} Stop that process or set another DATA_DIR.`, { retry: 'never', cause });
    }
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
   * Inserts what the data holds. A body above 32 MiB in a format with row boundaries goes in several parts, each atomic, as a
   * server inserts it in several blocks; a deduplication token then gets the number of the part.
   */
  async insert(job: InsertJob): Promise<Written> {
    const parts = new Parts(job.boundary);
    const total = { rows: 0, bytes: 0 };
    let number = 0;
    const write = async (part: Buffer): Promise<void> => {
      const token = number > 0 && job.deduplicationToken !== undefined ? `${job.deduplicationToken}_${number}` : undefined;
      const prelude = token === undefined ? job.prelude : `${job.prelude}; SET ${TOKEN_SETTING} = ${quote(token)}`;
      const written = await this.#onConnection('write', { ...job, prelude }, (connection) =>
        this.#native.InsertRawAsyncConnection(connection, job.sql, part, false),
      );
      total.rows += written.rowsWritten;
      total.bytes += written.bytesWritten;
      number++;
    };
    for await (const data of job.data) {
      const part = parts.add(data);
      if (part !== undefined) await write(part);
    }
    const rest = parts.rest();
    if (rest.length > 0 || number === 0) await write(rest);
    return total;
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
      if (job.prelude !== '') await this.#native.QueryAsyncConnection(connection, job.prelude, 'Null');
      return await use(connection);
    } finally {
      if (connection !== undefined) this.#native.CloseConnection(connection);
      release();
    }
  }
}

/** Collects a body until a part is full, and cuts it at a row boundary. */
class Parts {
  readonly #boundary: ((data: Buffer) => number) | undefined;
  #pieces: Buffer[] = [];
  #size = 0;
  #limit = PART_BYTES;

  constructor(boundary: ((data: Buffer) => number) | undefined) {
    this.#boundary = boundary;
  }

  add(data: Buffer): Buffer | undefined {
    this.#pieces.push(data);
    this.#size += data.length;
    if (this.#boundary === undefined || this.#size < this.#limit) return undefined;
    const all = this.rest();
    const cut = this.#boundary(all);
    this.#pieces = [all.subarray(cut)];
    this.#size = all.length - cut;
    // No boundary in all of it: look again only when there is twice as much.
    this.#limit = cut === 0 ? this.#size * 2 : PART_BYTES;
    return cut === 0 ? undefined : all.subarray(0, cut);
  }

  rest(): Buffer {
    return this.#pieces.length === 1 && this.#pieces[0] !== undefined ? this.#pieces[0] : Buffer.concat(this.#pieces);
  }
}
