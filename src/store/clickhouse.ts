import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createClient, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client';
import type { Config } from '../base/config.ts';
import { ClickHouseRefused, ClickHouseUnavailable, serverErrorOf } from './clickhouseErrors.ts';

export { ClickHouseRefused, ClickHouseUnavailable };

/**
 * Sent with every insert. Said out loud because newer servers changed their defaults: no server-side buffering
 * (an acknowledged insert is on disk), and a page may span any number of months. And left to merges, which do it anyway: rows
 * that replace each other within one insert (a part that was never merged is read FINAL row by row, always), and the skip
 * indexes, which spare little in a part of one granule.
 */
const INSERT_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  wait_for_async_insert: 1,
  max_partitions_per_insert_block: '0',
  optimize_on_insert: 0,
  materialize_skip_indexes_on_insert: 0,
};

/** Milliseconds until a request is given up: nobody may wait for a server that hangs without end. */
const QUERY_MS = 30_000;
const STATEMENT_MS = 60_000;
export const INSERT_MS = 30_000;
/** The client's own bound, on silence; the ones above come first. */
const SILENCE_MS = 600_000;

export interface DatabaseOptions {
  /** For every request, in place of the usual times. */
  readonly requestTimeoutMs?: number;
  readonly maxConnections?: number;
}

/** The program's way to ClickHouse: queries in, plain rows out, errors typed, an end to every request. */
export class Database {
  readonly name: string;
  readonly #url: string;
  readonly #client: ClickHouseClient;
  readonly #requestTimeoutMs: number | undefined;

  constructor(config: Config['clickhouse'], options: DatabaseOptions = {}) {
    this.#url = config.url;
    this.name = config.database;
    this.#requestTimeoutMs = options.requestTimeoutMs;
    this.#client = createClient({
      url: config.url,
      username: config.user,
      password: config.password,
      database: config.database,
      application: 'polymarket-pipeline',
      // Long parameter lists (tokens) go in the body: a URL has its limits.
      use_multipart_params_auto: true,
      request_timeout: SILENCE_MS,
      max_open_connections: options.maxConnections ?? 16,
      // Below the server's own keep-alive (3 to 10 s), so that a reused socket is never one it just closed.
      keep_alive: { enabled: true, idle_socket_ttl: 2_000, eagerly_destroy_stale_sockets: true },
      log: { level: 127 },
    });
  }

  /** Rows of a SELECT as objects. 64-bit integers and decimals come as strings. */
  async rows<T>(query: string, params: Record<string, unknown> = {}): Promise<T[]> {
    return await this.#call('a query', QUERY_MS, async (signal) => {
      const result = await this.#client.query({
        query,
        query_params: params,
        format: 'JSONEachRow',
        clickhouse_settings: {
          output_format_json_quote_64bit_integers: 1,
          output_format_json_quote_decimals: 1,
        },
        abort_signal: signal,
      });
      signal.addEventListener('abort', () => result.close(), { once: true });
      mustBeClickHouse(result.response_headers);
      return await result.json<T>();
    });
  }

  /** Runs DDL or an INSERT ... SELECT. */
  async run(query: string, params: Record<string, unknown> = {}): Promise<void> {
    await this.#call('a statement', STATEMENT_MS, async (signal) => {
      await this.#exec(signal, { query, query_params: params, clickhouse_settings: INSERT_SETTINGS });
    });
  }

  /** Runs a statement with no current database: for CREATE DATABASE. */
  async runOutside(query: string): Promise<void> {
    await this.#call('a statement', STATEMENT_MS, async (signal) => {
      await this.#exec(signal, { query, clickhouse_settings: { database: 'default' } });
    });
  }

  /**
   * Inserts rows already encoded as JSONCompactEachRow, one a line, as text or its UTF-8. Done means on disk.
   * @param timeoutMs when it is given up; what was sent may be in all the same
   * @throws ClickHouseUnavailable | ClickHouseRefused
   */
  async insertLines(
    table: string,
    columns: readonly string[],
    chunks: readonly (string | Buffer)[],
    timeoutMs = INSERT_MS,
  ): Promise<void> {
    await this.#call(`an insert into ${table}`, timeoutMs, async (signal) => {
      await this.#exec(signal, {
        query: `INSERT INTO ${table} (${columns.join(', ')}) FORMAT JSONCompactEachRow`,
        values: Readable.from(chunks, { objectMode: false }),
        clickhouse_settings: { ...INSERT_SETTINGS, log_comment: `pipeline:${table}` },
      });
    });
  }

  /** True when the server answers at all, within that time. */
  async answers(timeoutMs: number): Promise<boolean> {
    const result = await this.#client.ping({ select: false, abort_signal: AbortSignal.timeout(timeoutMs) });
    return result.success;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** A statement without a result. Its answer is read to the end: an error may stand there. */
  async #exec(signal: AbortSignal, statement: Parameters<ClickHouseClient['exec']>[0]): Promise<void> {
    const { stream, response_headers } = await this.#client.exec({ ...statement, abort_signal: signal });
    signal.addEventListener('abort', () => stream.destroy(), { once: true });
    mustBeClickHouse(response_headers);
    const answer = await text(stream);
    if (serverErrorOf(answer) !== undefined) throw new Error(answer);
  }

  async #call<T>(what: string, usualMs: number, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const timeoutMs = this.#requestTimeoutMs ?? usualMs;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    const late = new Promise<never>((_, reject) => {
      deadline.signal.addEventListener('abort', () => {
        const cause = new Error(`no answer within ${timeoutMs / 1000} s`);
        reject(new ClickHouseUnavailable(this.#url, cause, true));
      });
    });
    try {
      return await Promise.race([send(deadline.signal), late]);
    } catch (error) {
      if (error instanceof ClickHouseUnavailable) throw error;
      const serverError = serverErrorOf(error);
      if (serverError !== undefined) throw new ClickHouseRefused(what, serverError);
      throw new ClickHouseUnavailable(this.#url, isNetworkTrouble(error) ? error : new NotClickHouse(error));
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Somebody answered, but not ClickHouse: a gateway's error page, another program at its port. */
class NotClickHouse extends Error {
  constructor(cause: unknown) {
    const text = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, ' ').trim();
    super(`what answers is not ClickHouse: ${text.slice(0, 100)}`);
  }
}

/** An answer of another program may say "200", and nothing would be stored. */
function mustBeClickHouse(headers: Record<string, unknown>): void {
  if (Object.keys(headers).some((name) => name.startsWith('x-clickhouse-'))) return;
  throw new NotClickHouse("an answer without ClickHouse's headers");
}

/** Node's own codes for a connection that was not made or broke, and the client's texts without a code. */
function isNetworkTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof NotClickHouse) return true;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return (
    /^(E[A-Z]+|UND_ERR_\w+|ERR_STREAM_PREMATURE_CLOSE)$/.test(code) ||
    /^(Timeout error\.|socket hang up|aborted|The user aborted a request\.)$/i.test(error.message)
  );
}
