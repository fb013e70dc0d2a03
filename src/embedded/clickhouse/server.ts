import { randomUUID, timingSafeEqual, createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../base/errors.ts';
import { multipartBoundary, readMultipart, receiveStatement, type ReceivedStatement } from './body.ts';
import { DirectoryError, partsSetAside } from './damage.ts';
import { Engine, type Job } from './engine.ts';
import { ClickHouseException, reportException } from './exception.ts';
import { isConcatenable } from './formats.ts';
import { decodedBody, readCredentials, readParameters, type Parameters } from './request.ts';
import { Answer } from './response.ts';

export interface ClickHouseServerOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** The data directory, absolute. */
  readonly path: string;
  readonly user?: string;
  /** Empty = none asked for. */
  readonly password?: string;
}

export interface ClickHouseServer {
  readonly port: number;
  /** What is missing since this start. */
  readonly warnings: readonly string[];
  /** Stops listening, lets running statements finish (10 s at most), closes the engine. */
  close(): Promise<void>;
}

const GRACE_MS = 10_000;
/** How long a directory that is in use is waited for. */
const DIRECTORY_WAIT_MS = 3_000;
const DEFAULT_FORMAT = 'TabSeparated';

/**
 * Opens the engine in this process and serves ClickHouse's HTTP protocol. One engine a process.
 * @throws AppError NO_ENGINE, DATA_DIR, PORT_IN_USE
 */
export async function startClickHouseServer(options: ClickHouseServerOptions): Promise<ClickHouseServer> {
  const http = createServer({ keepAliveTimeout: 10_000, requestTimeout: 0, maxHeaderSize: 1024 * 1024 });
  // The port first: a taken one must not cost the opening of the engine.
  const port = await listen(http, options);
  try {
    const openedMs = Date.now();
    const opening = openEngine(options.path);
    const starting = opening.then(
      async (engine) => new Handler(engine, await engineVersion(engine), options),
    );
    let closing = false;
    http.on('request', (request, response) => {
      response.on('close', () => {
        if (closing) setImmediate(() => http.closeIdleConnections());
      });
      starting.then(
        (handler) => void handler.handle(request, response),
        () => response.destroy(),
      );
    });
    await starting;
    const engine = await opening;
    return {
      port,
      warnings: await partsSetAside(engine, openedMs),
      async close() {
        closing = true;
        const deadline = Date.now() + GRACE_MS;
        const late = setTimeout(() => http.closeAllConnections(), GRACE_MS);
        const closed = new Promise((resolve) => http.close(resolve));
        http.closeIdleConnections();
        await closed;
        clearTimeout(late);
        // Statements whose clients have gone may still run.
        await engine.close(Math.max(0, deadline - Date.now()));
      },
    };
  } catch (error) {
    http.close();
    throw error;
  }
}

/** One that was left behind by a killed supervisor ends by itself, and may just be about to. */
async function openEngine(path: string): Promise<Engine> {
  const deadline = Date.now() + DIRECTORY_WAIT_MS;
  for (;;) {
    try {
      return new Engine(path);
    } catch (error) {
      if (!(error instanceof DirectoryError) || error.holder === undefined || Date.now() > deadline)
        throw error;
      await delay(500);
    }
  }
}

async function engineVersion(engine: Engine): Promise<string> {
  const { signal } = new AbortController();
  const { bytes } = await engine.query({ prelude: [], sql: 'SELECT version()', format: 'TSVRaw', signal });
  return bytes.toString().trim();
}

function listen(
  http: ReturnType<typeof createServer>,
  { host, port }: ClickHouseServerOptions,
): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${cause.code ?? cause.message})`;
      const text = `ClickHouse: port ${port} on ${host} ${why}. Set CLICKHOUSE_PORT (or CLICKHOUSE_URL) to a free one.`;
      reject(new AppError('PORT_IN_USE', text, { retry: 'never', cause }));
    });
    http.listen(port, host, () => resolve((http.address() as AddressInfo).port));
  });
}

/** Answers the requests of one server. */
class Handler {
  readonly #engine: Engine;
  readonly #version: string;
  readonly #user: string;
  readonly #password: string;

  constructor(engine: Engine, version: string, options: ClickHouseServerOptions) {
    this.#engine = engine;
    this.#version = version;
    this.#user = options.user ?? 'default';
    this.#password = options.password ?? '';
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = new Answer(request, response);
    const gone = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) gone.abort(new Error('the client went away'));
    });
    // A request that is answered before its body has arrived must not crash on what still comes.
    request.on('error', () => undefined);
    try {
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (url.pathname === '/ping') answer.text(200, 'Ok.\n');
      else if (url.pathname === '/replicas_status') answer.text(200, 'Ok.\n');
      else if (url.pathname !== '/')
        answer.text(404, `There is no handle ${url.pathname}\n\nUse / or /ping for health checks.\n`);
      else await this.#run(request, url.searchParams, answer, gone.signal);
    } catch (error) {
      answer.fail(reportException(error, this.#version));
    } finally {
      // What is left of a body nobody wants is read away, so that the connection can be used again.
      request.resume();
    }
  }

  async #run(
    request: IncomingMessage,
    search: URLSearchParams,
    answer: Answer,
    signal: AbortSignal,
  ): Promise<void> {
    const queryId = search.get('query_id') ?? randomUUID();
    answer.setQueryId(queryId);
    this.#authenticate(request, search);
    const body = decodedBody(request) as AsyncIterable<Buffer>;
    const boundary = multipartBoundary(request);
    if (boundary !== undefined)
      for (const [name, value] of await readMultipart(body, boundary)) search.set(name, value);
    const query = search.get('query') ?? '';
    if (request.method === 'GET' && query === '') return answer.text(200, 'Ok.\n');
    const parameters = readParameters(request, search, queryId);
    const statement = await receiveStatement(query, boundary === undefined ? body : nothing());
    if (statement.kind === 'insert') await this.#insert(statement, parameters, answer, signal);
    else await this.#answer(statement, parameters, answer, signal);
  }

  #authenticate(request: IncomingMessage, search: URLSearchParams): void {
    if (this.#password === '') return;
    const given = readCredentials(request, search);
    const known = equal(given.user, this.#user) && equal(given.password, this.#password);
    if (known) return;
    const text = `${given.user}: Authentication failed: password is incorrect, or there is no user with such name`;
    throw new ClickHouseException(516, 'AUTHENTICATION_FAILED', text);
  }

  async #insert(
    statement: ReceivedStatement,
    parameters: Parameters,
    answer: Answer,
    signal: AbortSignal,
  ): Promise<void> {
    const written = await this.#engine.insert({
      prelude: parameters.prelude,
      sql: statement.sql,
      format: statement.format ?? DEFAULT_FORMAT,
      signal,
      data: statement.data ?? nothing(),
      fromFile: statement.fromFile,
    });
    const { rows, bytes } = written;
    answer.begin(undefined, false, {
      readRows: rows,
      readBytes: bytes,
      writtenRows: rows,
      writtenBytes: bytes,
      resultRows: rows,
      resultBytes: bytes,
    });
    answer.end();
  }

  async #answer(
    statement: ReceivedStatement,
    parameters: Parameters,
    answer: Answer,
    signal: AbortSignal,
  ): Promise<void> {
    const format = statement.format ?? parameters.format ?? DEFAULT_FORMAT;
    const job: Job = { prelude: parameters.prelude, sql: statement.sql, format, signal };
    const blocks =
      statement.kind === 'read' && isConcatenable(format)
        ? this.#engine.stream(job)
        : only(this.#engine.query(job));
    for await (const { bytes, rows } of blocks) {
      // Headers wait for the first block, so that a statement that fails at once has its status.
      if (!answer.begun) {
        const read = { readRows: rows, readBytes: bytes.length, resultRows: rows, resultBytes: bytes.length };
        answer.begin(format, parameters.compressResponse, read);
      }
      if (bytes.length > 0) await answer.write(bytes, signal);
    }
    if (!answer.begun) answer.begin(format, parameters.compressResponse, {});
    answer.end();
  }
}

async function* only<T>(value: Promise<T>): AsyncGenerator<T, void, void> {
  yield await value;
}

async function* nothing(): AsyncGenerator<Buffer, void, void> {
  // A request without a body.
}

function equal(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
