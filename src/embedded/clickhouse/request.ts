import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ClickHouseException } from './exception.ts';
import { quote, quoteName } from './statement.ts';

/** URL parameters that are not settings. */
const OWN_PARAMETERS = new Set([
  'query',
  'database',
  'default_format',
  'query_id',
  'user',
  'password',
  'wait_end_of_query',
  'buffer_size',
  'stacktrace',
  'quota_key',
  'client_protocol_version',
  'session_timeout',
  'session_check',
  'compress',
  'decompress',
  'session_id',
  'role',
]);

/**
 * Settings taken but not handed on. Inserts are always synchronous: they are acknowledged when their rows are on disk, which
 * is what waiting for an asynchronous insert would give.
 */
const WITHOUT_EFFECT = new Set(['async_insert', 'wait_for_async_insert', 'async_insert_busy_timeout_ms']);

const UNSUPPORTED = ['session_id', 'role', 'compress', 'decompress'] as const;

export interface Parameters {
  readonly database: string | undefined;
  readonly queryId: string;
  readonly format: string | undefined;
  readonly compressResponse: boolean;
  /** Statements that give a connection this request's database, settings and query parameters. */
  readonly prelude: readonly string[];
}

/** Refuses what this server does not do, instead of doing something else. */
export function refuseUnsupported(search: URLSearchParams): void {
  for (const name of UNSUPPORTED) {
    if ((search.get(name) ?? '0') === '0' || search.get(name) === '') continue;
    throw new ClickHouseException(
      48,
      'NOT_IMPLEMENTED',
      `The embedded ClickHouse does not support the parameter ${name}`,
    );
  }
}

/** Reads everything of a request but its statement. */
export function readParameters(
  request: IncomingMessage,
  search: URLSearchParams,
  queryId: string,
): Parameters {
  refuseUnsupported(search);
  const settings: string[] = [];
  for (const [name, value] of search) {
    if (OWN_PARAMETERS.has(name) || WITHOUT_EFFECT.has(name)) continue;
    if (!/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name)) {
      throw new ClickHouseException(115, 'UNKNOWN_SETTING', `Unknown setting ${quote(name)}`);
    }
    settings.push(`${name} = ${quote(value)}`);
  }
  // GET must not change anything; ClickHouse says so by this setting.
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (reads && (search.get('readonly') ?? '0') === '0') settings.push('readonly = 2');
  const database = header(request, 'x-clickhouse-database') ?? search.get('database') ?? undefined;
  const use = database === undefined || database === '' ? [] : [`USE ${quoteName(database)}`];
  const prelude = [...use, ...(settings.length === 0 ? [] : setStatements(settings))];
  return {
    database,
    queryId,
    format: header(request, 'x-clickhouse-format') ?? search.get('default_format') ?? undefined,
    compressResponse: /^(1|true)$/.test(search.get('enable_http_compression') ?? ''),
    prelude,
  };
}

/** Below ClickHouse's default of max_query_size (bytes), whatever the characters. */
const LONG_STATEMENT = 60_000;

/** Parameters are part of a statement here, which they are not on a server, so they must not run into its size limit. */
function setStatements(settings: readonly string[]): string[] {
  const set = `SET ${settings.join(', ')}`;
  if (set.length < LONG_STATEMENT) return [set];
  const lift = 'SET max_query_size = 4294967296';
  const given = settings.some((setting) => setting.startsWith('max_query_size ='));
  const reset =
    given || settings.some((setting) => setting.startsWith('readonly ='))
      ? []
      : ['SET max_query_size = DEFAULT'];
  return [lift, set, ...reset];
}

export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Who asks, from the headers of ClickHouse, basic authentication or the URL; in that order. */
export function readCredentials(request: IncomingMessage, search: URLSearchParams): Credentials {
  const user = header(request, 'x-clickhouse-user');
  const key = header(request, 'x-clickhouse-key');
  if (user !== undefined || key !== undefined) return { user: user ?? 'default', password: key ?? '' };
  const basic = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [name = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    return { user: name, password: rest.join(':') };
  }
  return { user: search.get('user') ?? 'default', password: search.get('password') ?? '' };
}

/** The body as sent before compression. */
export function decodedBody(request: IncomingMessage): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').toLowerCase();
  const decoder = {
    gzip: createGunzip,
    'x-gzip': createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
  }[encoding];
  if (decoder !== undefined) {
    const decoded = decoder();
    request.on('error', (error) => decoded.destroy(error));
    request.on('close', () => {
      if (!request.readableEnded) decoded.destroy(new Error('the client went away'));
    });
    return request.pipe(decoded);
  }
  if (encoding === 'identity' || encoding === '') return request;
  throw new ClickHouseException(89, 'UNKNOWN_COMPRESSION_METHOD', `Unknown compression method: ${encoding}`);
}
