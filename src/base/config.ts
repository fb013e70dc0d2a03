import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'dotenv';
import { ConfigError } from './errors.ts';
import { exchangeVersion, V1_EXCHANGES } from './exchanges.ts';
import { SETTINGS_SCHEMA, type ORDER_SOURCES, type Settings } from './settings.ts';

export type OrderSource = (typeof ORDER_SOURCES)[number];

/** The settings as the program uses them: every value checked, the URLs complete. */
export interface Config {
  readonly redis: { readonly url: string; readonly prefix: string };
  readonly clickhouse: {
    readonly url: string;
    readonly database: string;
    readonly user: string;
    readonly password: string;
  };
  readonly gamma: { readonly url: string; readonly requestsPer10s: number; readonly pollMs: number };
  readonly goldsky: {
    readonly url: string;
    readonly requestsPer10s: number;
    readonly pollMs: number;
    /** Unix seconds; undefined = one hour before the first start. */
    readonly start: number | undefined;
  };
  readonly polygon: {
    /** JSON-RPC endpoints, the preferred one first. */
    readonly urls: readonly string[];
    readonly requestsPer10s: number;
    readonly pollMs: number;
    /** Block; undefined = one hour before the first start. */
    readonly start: number | undefined;
    /** How far the tail reads: up to the newest block, or only final ones. */
    readonly head: 'latest' | 'finalized';
    /** Blocks behind the head that count as final where a node does not say. */
    readonly finalityBlocks: number;
    /** The exchanges it reads, lower-case: not those of V1 where goldsky reads them. */
    readonly exchanges: readonly string[];
  };
  /** Bulk history of polygon; undefined without a token. */
  readonly hypersync:
    { readonly url: string; readonly token: string; readonly requestsPer10s: number } | undefined;
  readonly orderSources: readonly OrderSource[];
  /** Lower-case addresses of the exchange contracts. */
  readonly exchanges: readonly string[];
  readonly write: { readonly batchRows: number; readonly maxWaitMs: number };
  readonly maxQueuedPages: number;
  /** Megabytes. */
  readonly maxRedisMb: number;
  readonly embedded: 'auto' | 'off';
  /** Absolute path. */
  readonly dataDir: string;
  readonly dashboard: {
    readonly host: string;
    readonly port: number;
    readonly user: string | undefined;
    readonly password: string | undefined;
  };
  readonly logLevel: string;
}

const SECRET = /PASSWORD|TOKEN|URL/;

/**
 * Reads the environment (over `.env` in the working directory).
 * @throws ConfigError with one line that names the variable, its value (unless it may hold a secret) and what is allowed.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const fromFile = existsSync('.env') ? parse(readFileSync('.env')) : {};
  const result = SETTINGS_SCHEMA.safeParse({ ...fromFile, ...env });
  if (!result.success) {
    const issue = result.error.issues[0];
    const name = String(issue?.path[0] ?? 'settings');
    const value = (env[name] ?? fromFile[name] ?? '').slice(0, 80);
    throw new ConfigError(
      `${name}=${SECRET.test(name) ? '(not shown)' : value} is not allowed: it must be ${issue?.message ?? 'valid'}.`,
    );
  }
  return toConfig(result.data);
}

function toConfig(s: Settings): Config {
  const config: Config = {
    redis: { url: s.REDIS_URL ?? redisUrl(s), prefix: s.REDIS_PREFIX },
    clickhouse: {
      url: (s.CLICKHOUSE_URL ?? `http://${s.CLICKHOUSE_HOST}:${s.CLICKHOUSE_PORT}`).replace(/\/+$/, ''),
      database: s.CLICKHOUSE_DATABASE,
      user: s.CLICKHOUSE_USER,
      password: s.CLICKHOUSE_PASSWORD,
    },
    gamma: { url: s.GAMMA_URL, requestsPer10s: s.GAMMA_REQUESTS_PER_10S, pollMs: s.MARKETS_POLL_MS },
    goldsky: {
      url: s.GOLDSKY_URL,
      requestsPer10s: s.GOLDSKY_REQUESTS_PER_10S,
      pollMs: s.ORDERS_POLL_MS,
      start: s.GOLDSKY_START,
    },
    polygon: {
      urls: s.POLYGON_RPC_URL,
      requestsPer10s: s.POLYGON_REQUESTS_PER_10S,
      pollMs: s.ORDERS_POLL_MS,
      start: s.POLYGON_START,
      head: s.POLYGON_HEAD as 'latest' | 'finalized',
      finalityBlocks: s.POLYGON_FINALITY_BLOCKS,
      exchanges: s.EXCHANGE_ADDRESSES.filter(
        (address) => !(s.ORDER_SOURCES.includes('goldsky') && exchangeVersion(address) === 1),
      ),
    },
    hypersync:
      s.HYPERSYNC_TOKEN === undefined
        ? undefined
        : { url: s.HYPERSYNC_URL, token: s.HYPERSYNC_TOKEN, requestsPer10s: s.HYPERSYNC_REQUESTS_PER_10S },
    orderSources: [...new Set(s.ORDER_SOURCES as OrderSource[])],
    exchanges: s.EXCHANGE_ADDRESSES,
    write: { batchRows: s.WRITE_BATCH_ROWS, maxWaitMs: s.WRITE_MAX_WAIT_MS },
    maxQueuedPages: s.MAX_QUEUED_PAGES,
    maxRedisMb: s.MAX_REDIS_MB,
    embedded: s.EMBEDDED as 'auto' | 'off',
    dataDir: resolve(s.DATA_DIR),
    dashboard: {
      host: s.DASHBOARD_HOST,
      port: s.DASHBOARD_PORT,
      user: s.DASHBOARD_USER,
      password: s.DASHBOARD_PASSWORD,
    },
    logLevel: s.LOG_LEVEL,
  };
  return config;
}

function redisUrl(s: Settings): string {
  const url = new URL(`redis://${s.REDIS_HOST}:${s.REDIS_PORT}`);
  if (s.REDIS_PASSWORD !== undefined) url.password = encodeURIComponent(s.REDIS_PASSWORD);
  return url.href;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/** True for a host that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** The exchanges that a source reads, lower-case. */
export function exchangesOf(source: OrderSource, config: Pick<Config, 'polygon'>): readonly string[] {
  return source === 'polygon' ? config.polygon.exchanges : V1_EXCHANGES;
}

/** A URL for logs and messages: without user, password, path secrets or query. */
export function displayUrl(url: string): string {
  if (!URL.canParse(url)) return '(not a URL)';
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

/** The host and port a URL points at; the port falls back to the protocol's own. */
export function endpoint(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(url);
  const fallback = { 'redis:': 6379, 'rediss:': 6379, 'http:': 80, 'https:': 443 }[protocol] ?? 80;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? fallback : Number(port) };
}
