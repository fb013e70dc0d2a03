import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AppError } from '../../base/errors.ts';

declare const handle: unique symbol;
/** An engine connection: its own settings, current database, parameters and temporary tables. */
export interface Connection {
  readonly [handle]: 'connection';
}
/** A running streamed query. */
export interface StreamHandle {
  readonly [handle]: 'stream';
}

/** The calls of the chdb addon that are used here; the asynchronous ones run on libuv's thread pool. */
export interface NativeEngine {
  CreateConnection(path: string, args: readonly string[]): Connection;
  CloseConnection(connection: Connection): void;
  QueryAsyncConnection(connection: Connection, sql: string, format: string): Promise<NativeResult>;
  /** Runs `prefix + "\n" + data` as one statement; the data stays bytes. */
  InsertRawAsyncConnection(
    connection: Connection,
    prefix: string,
    data: Buffer,
    countLines: boolean,
  ): Promise<NativeInsertResult>;
  /** Blocks the calling thread while the query is analysed, scalar subqueries included. */
  StreamQuery(connection: Connection, sql: string, format: string): StreamHandle;
  StreamFetch(
    stream: StreamHandle,
  ): Promise<{ readonly bytes: Buffer; readonly numRows: number; readonly done: boolean }>;
  StreamCancel(stream: StreamHandle): void;
}

export interface NativeResult {
  readonly bytes: Buffer;
  /** Seconds. */
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

export interface NativeInsertResult {
  /** Seconds. */
  readonly elapsed: number;
  readonly rowsWritten: number;
  readonly bytesWritten: number;
}

/** The module that loads the addon. @throws Error when the package is not there. */
export function nativeLoader(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('chdb/package.json')), 'dist', 'loader.js');
}

/**
 * Loads the engine (about 200 MB of memory). The addon is addressed directly because the package's public API takes raw
 * bytes for eight insert formats only, and fixes the statement around them.
 * @throws AppError NO_ENGINE when the optional package is not there.
 */
export function loadNative(): NativeEngine {
  const require = createRequire(import.meta.url);
  try {
    const loader = require(nativeLoader()) as { loadNative(): NativeEngine };
    return loader.loadNative();
  } catch (cause) {
    throw new AppError(
      'NO_ENGINE',
      `The embedded ClickHouse (optional npm package chdb) is not installed for ${process.platform}-${process.arch}. ` +
        'Ways out: point CLICKHOUSE_URL at a ClickHouse server, or run one with `docker compose up clickhouse`.',
      { retry: 'never', cause },
    );
  }
}
