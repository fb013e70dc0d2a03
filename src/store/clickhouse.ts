import { Readable } from 'node:stream';
import {
  ClickHouseError,
  createClient,
  drainStream,
  type ClickHouseClient,
  type ClickHouseSettings,
} from '@clickhouse/client';
import { displayUrl, type Config } from '../base/config.ts';
import { AppError, oneLine } from '../base/errors.ts';

/** Codes of a wrong user or password, or of a user that may not do this. */
const AUTH_CODES = new Set([192, 193, 194, 497, 516]);

/** Codes that speak of the rows themselves: parse errors, types, ranges. Splitting the batch finds the row. */
const ROW_CODES = new Set([
  6, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 190, 321, 349, 407, 441, 469, 676,
]);

/** ClickHouse did not answer: nobody knows whether what was sent is in. Everything sent is idempotent. */
export class ClickHouseUnavailable extends AppError {
  constructor(url: string, cause: unknown) {
    super('CLICKHOUSE_UNAVAILABLE', `ClickHouse does not answer at ${displayUrl(url)} (${oneLine(cause)})`, {
      retry: 'wait',
      cause,
    });
  }
}

/** ClickHouse answered with an error. */
export class ClickHouseRefused extends AppError {
  readonly serverCode: number;

  constructor(what: string, cause: ClickHouseError) {
    const serverCode = Number(cause.code);
    const mend = AUTH_CODES.has(serverCode) ? ': check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD' : '';
    super(
      'CLICKHOUSE_REFUSED',
      `ClickHouse refused ${what}: ${cause.type ?? 'error'} (code ${cause.code})${mend}`,
      {
        retry: 'attempt',
        cause,
        context: { serverCode, serverText: cause.message.slice(0, 300) },
      },
    );
    this.serverCode = serverCode;
  }

  /** The rows are to blame, not the server or the table. */
  get isAboutRows(): boolean {
    return ROW_CODES.has(this.serverCode);
  }
}

/**
 * Sent with every insert. Said out loud because newer servers changed their defaults: no server-side buffering
 * (an acknowledged insert is on disk), and a page may span any number of months.
 */
const INSERT_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  wait_for_async_insert: 1,
  max_partitions_per_insert_block: '0',
};

export interface DatabaseOptions {
  readonly requestTimeoutMs?: number;
  readonly maxConnections?: number;
}

/** The program's way to ClickHouse: queries in, plain rows out, errors typed. */
export class Database {
  readonly name: string;
  readonly #url: string;
  readonly #client: ClickHouseClient;

  constructor(config: Config['clickhouse'], options: DatabaseOptions = {}) {
    this.#url = config.url;
    this.name = config.database;
    this.#client = createClient({
      url: config.url,
      username: config.user,
      password: config.password,
      database: config.database,
      application: 'polymarket-pipeline',
      // Long parameter lists (tokens) go in the body: a URL has its limits.
      use_multipart_params_auto: true,
      request_timeout: options.requestTimeoutMs ?? 60_000,
      max_open_connections: options.maxConnections ?? 16,
      // Below the server's own keep-alive (3 to 10 s), so that a reused socket is never one it just closed.
      keep_alive: { enabled: true, idle_socket_ttl: 2_000, eagerly_destroy_stale_sockets: true },
      log: { level: 127 },
    });
  }

  /** Rows of a SELECT as objects. 64-bit integers and decimals come as strings. */
  async rows<T>(query: string, params: Record<string, unknown> = {}): Promise<T[]> {
    return await this.#call('a query', async () => {
      const result = await this.#client.query({
        query,
        query_params: params,
        format: 'JSONEachRow',
        clickhouse_settings: {
          output_format_json_quote_64bit_integers: 1,
          output_format_json_quote_decimals: 1,
        },
      });
      return await result.json<T>();
    });
  }

  /** Runs DDL or an INSERT ... SELECT. */
  async run(query: string, params: Record<string, unknown> = {}): Promise<void> {
    await this.#call('a statement', async () => {
      await this.#client.command({ query, query_params: params, clickhouse_settings: INSERT_SETTINGS });
    });
  }

  /** Runs a statement with no current database: for CREATE DATABASE. */
  async runOutside(query: string): Promise<void> {
    await this.#call('a statement', async () => {
      await this.#client.command({
        query,
        clickhouse_settings: { database: 'default' },
      });
    });
  }

  /**
   * Inserts rows already encoded as JSONCompactEachRow, one a line. Done means on disk.
   * @throws ClickHouseUnavailable | ClickHouseRefused
   */
  async insertLines(table: string, columns: readonly string[], chunks: readonly string[]): Promise<void> {
    await this.#call(`an insert into ${table}`, async () => {
      const { stream } = await this.#client.exec({
        query: `INSERT INTO ${table} (${columns.join(', ')}) FORMAT JSONCompactEachRow`,
        values: Readable.from(chunks, { objectMode: false }),
        clickhouse_settings: { ...INSERT_SETTINGS, log_comment: `pipeline:${table}` },
      });
      // The answer must be read to its end: it may hold the error, and the socket is not free before.
      await drainStream(stream);
    });
  }

  /** True when the server answers at all. */
  async ping(): Promise<boolean> {
    const result = await this.#client.ping();
    return result.success;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #call<T>(what: string, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (error instanceof ClickHouseError) throw new ClickHouseRefused(what, error);
      if (isNetworkTrouble(error)) throw new ClickHouseUnavailable(this.#url, error);
      // A proxy's error page, say: somebody answered, but not ClickHouse.
      throw new AppError('CLICKHOUSE_ANSWER', `${what} was not answered by ClickHouse: ${oneLine(error)}`, {
        retry: 'attempt',
        cause: error,
      });
    }
  }
}

/** Node's own codes for a connection that was not made or broke, and the client's texts without a code. */
function isNetworkTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (/^(E[A-Z]+|UND_ERR_\w+|ERR_STREAM_PREMATURE_CLOSE)$/.test(code)) return true;
  return /timeout|socket hang up|aborted|premature close/i.test(error.message);
}
