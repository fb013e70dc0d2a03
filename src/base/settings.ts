import { z } from 'zod';
import { KNOWN_EXCHANGES } from './exchanges.ts';

/**
 * Every setting of the program, once: its default, what is allowed, and what it is for. Config reads it,
 * `.env.example` is generated from it, and `--help` points at it.
 */

export const ORDER_SOURCES = ['goldsky', 'polygon'] as const;

/** Polygon's blocks take about this long, in seconds. */
export const BLOCK_S = 2;

/** What a source's cursor, and all ranges of it, count in: unix seconds or blocks. */
export const POSITIONS = { goldsky: 'seconds', polygon: 'blocks' } as const satisfies Record<
  (typeof ORDER_SOURCES)[number],
  'seconds' | 'blocks'
>;

/** The same for a source of any name, `send-test` for one. */
export function positionsOf(source: string): 'seconds' | 'blocks' {
  return source in POSITIONS ? POSITIONS[source as keyof typeof POSITIONS] : 'seconds';
}

/** A setting that is there but empty (`NAME=` in .env) counts as not set. */
const optional = z
  .string()
  .optional()
  .transform((value) => (value === undefined || value === '' ? undefined : value));

function integer(fallback: number, min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .default(String(fallback))
    .transform((value) => (value === '' ? String(fallback) : value))
    .refine((value) => /^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max, allowed)
    .transform(Number);
}

/** Where a source begins; undefined = not said. */
function start(allowed: string) {
  return optional
    .refine((value) => value === undefined || /^\d{1,10}$/.test(value), allowed)
    .transform((value) => (value === undefined ? undefined : Number(value)));
}

function url(fallback: string | undefined, protocols: readonly string[]) {
  const allowed = `a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`;
  return optional
    .transform((value) => value ?? fallback)
    .refine((value) => {
      if (value === undefined) return true;
      return (
        URL.canParse(value) && protocols.includes(new URL(value).protocol) && new URL(value).hostname !== ''
      );
    }, allowed);
}

const HTTP = ['http:', 'https:'] as const;

function httpUrl(fallback: string) {
  return url(fallback, HTTP).transform((value) => (value ?? fallback).replace(/\/+$/, ''));
}

function text(fallback: string, pattern: RegExp, allowed: string) {
  return optional.transform((value) => value ?? fallback).refine((value) => pattern.test(value), allowed);
}

function list(fallback: readonly string[], item: RegExp, allowed: string) {
  return optional
    .transform((value) =>
      value === undefined
        ? [...fallback]
        : value
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== ''),
    )
    .refine((parts) => parts.length > 0 && parts.every((part) => item.test(part)), allowed);
}

const RPC_DEFAULT = 'https://polygon.drpc.org';

export const SETTINGS = {
  REDIS_URL: url(undefined, ['redis:', 'rediss:']).describe(
    'Redis. Wins over REDIS_HOST, REDIS_PORT, REDIS_PASSWORD.|redis://127.0.0.1:6379',
  ),
  REDIS_HOST: text('127.0.0.1', /^\S+$/, 'a host name').describe('Used when REDIS_URL is not set.|127.0.0.1'),
  REDIS_PORT: integer(6379, 1, 65_535).describe('Used when REDIS_URL is not set.|6379'),
  REDIS_PASSWORD: optional.describe('Used when REDIS_URL is not set.|'),
  REDIS_PREFIX: text('{polymarket}', /^[^:\s]{1,64}$/, 'text without ":" or spaces').describe(
    'Prefix of every Redis key. The braces keep all keys in one slot of a Redis Cluster.|{polymarket}',
  ),
  CLICKHOUSE_URL: url(undefined, HTTP).describe(
    'ClickHouse over HTTP. Wins over CLICKHOUSE_HOST, CLICKHOUSE_PORT.|http://127.0.0.1:8123',
  ),
  CLICKHOUSE_HOST: text('127.0.0.1', /^\S+$/, 'a host name').describe(
    'Used when CLICKHOUSE_URL is not set.|127.0.0.1',
  ),
  CLICKHOUSE_PORT: integer(8123, 1, 65_535).describe('Used when CLICKHOUSE_URL is not set.|8123'),
  CLICKHOUSE_DATABASE: text(
    'polymarket',
    /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
    'a name of letters, digits and _',
  ).describe('|polymarket'),
  CLICKHOUSE_USER: text('default', /^\S+$/, 'a user name').describe('|default'),
  CLICKHOUSE_PASSWORD: optional.transform((value) => value ?? '').describe('|'),
  GAMMA_URL: httpUrl('https://gamma-api.polymarket.com').describe(
    'The market API.|https://gamma-api.polymarket.com',
  ),
  GOLDSKY_URL: httpUrl(
    'https://api.goldsky.com/api/public/project_cl6mb8i9h0003e201j6li0diw/subgraphs/orderbook-subgraph/0.0.1/gn',
  ).describe('The orderbook subgraph (order events of the V1 exchanges).|the public orderbook subgraph'),
  POLYGON_RPC_URL: list([RPC_DEFAULT], /^https?:\/\/\S+$/, 'http(s) URLs with commas between').describe(
    `Polygon JSON-RPC; a comma list fails over.|${RPC_DEFAULT}`,
  ),
  ORDER_SOURCES: list(
    ORDER_SOURCES,
    /^(goldsky|polygon)$/,
    `a comma list of ${ORDER_SOURCES.join(', ')}`,
  ).describe(
    'Which order sources to run. goldsky reads the V1 exchanges, polygon all others, and V1 too where goldsky is left out.|goldsky,polygon',
  ),
  GOLDSKY_START: start('a unix time in seconds').describe(
    'First unix second to read when nothing is covered yet.|one hour before the first start',
  ),
  POLYGON_START: start('a block number').describe(
    'First block to read when nothing is covered yet.|one hour before the first start',
  ),
  POLYGON_HEAD: text('latest', /^(latest|finalized)$/, 'latest or finalized').describe(
    'latest: blocks are read as soon as they are there, and again once they are final. finalized: only final ones.|latest',
  ),
  POLYGON_FINALITY_BLOCKS: integer(128, 1, 10_000).describe(
    'Blocks behind the head that count as final where a node does not know the tag finalized.|128',
  ),
  HYPERSYNC_TOKEN: optional.describe(
    'With an API token of HyperSync, backfills of polygon go through it: much faster than JSON-RPC.|',
  ),
  HYPERSYNC_URL: httpUrl('https://polygon.hypersync.xyz').describe('|https://polygon.hypersync.xyz'),
  HYPERSYNC_REQUESTS_PER_10S: integer(5, 0, 100_000).describe(
    'Upper bound over all replicas together; 0 = none.|5',
  ),
  MARKETS_POLL_MS: integer(30_000, 100, 86_400_000).describe(
    'Milliseconds between polls of the market API.|30000',
  ),
  ORDERS_POLL_MS: integer(5_000, 100, 86_400_000).describe(
    'Milliseconds between polls of an order source; one that is behind polls again at once.|5000',
  ),
  GAMMA_REQUESTS_PER_10S: integer(200, 0, 100_000).describe(
    'Upper bound over all replicas together; 0 = none.|200',
  ),
  GOLDSKY_REQUESTS_PER_10S: integer(45, 0, 100_000).describe(
    'Upper bound over all replicas together; 0 = none.|45',
  ),
  POLYGON_REQUESTS_PER_10S: integer(100, 0, 100_000).describe(
    'Upper bound over all replicas together; 0 = none.|100',
  ),
  WRITE_BATCH_ROWS: integer(5_000, 1, 1_000_000).describe(
    'The batching writer inserts at this many rows...|5000',
  ),
  WRITE_MAX_WAIT_MS: integer(1_000, 0, 600_000).describe(
    '...or this many milliseconds after the first, whichever comes first.|1000',
  ),
  MAX_QUEUED_PAGES: integer(200, 1, 10_000).describe(
    'Fetching pauses while this many pages are on their way to ClickHouse or left in failed.|200',
  ),
  MAX_REDIS_MB: integer(256, 64, 1_000_000).describe(
    'Fetching pauses so that Redis stays below this many MB of memory, however long ClickHouse is away.|256',
  ),
  EXCHANGE_ADDRESSES: list(
    KNOWN_EXCHANGES.map(({ address }) => address),
    /^0x[0-9a-fA-F]{40}$/,
    '0x addresses of 20 bytes with commas between',
  )
    .transform((parts) => parts.map((part) => part.toLowerCase()))
    .describe('Exchange contracts: a taker in this list marks the taker-side row.|the five known exchanges'),
  EMBEDDED: text('auto', /^(auto|off)$/, 'auto or off').describe(
    'auto: a loopback URL at which nothing answers at boot gets an embedded service. off: never start one.|auto',
  ),
  DATA_DIR: text('./data', /\S/, 'a folder').describe('Where the embedded services keep their files.|./data'),
  DASHBOARD_HOST: text('127.0.0.1', /^\S+$/, 'a host name').describe(
    'Beyond loopback, DASHBOARD_USER and DASHBOARD_PASSWORD are required.|127.0.0.1',
  ),
  DASHBOARD_PORT: integer(8000, 0, 65_535).describe('|8000'),
  DASHBOARD_USER: optional.describe('|'),
  DASHBOARD_PASSWORD: optional.describe('|'),
  LOG_LEVEL: text(
    'info',
    /^(fatal|error|warn|info|debug|trace|silent)$/,
    'fatal, error, warn, info, debug, trace or silent',
  ).describe('|info'),
} as const;

export const SETTINGS_SCHEMA = z.object(SETTINGS);
export type Settings = z.output<typeof SETTINGS_SCHEMA>;

/** The settings that say where Redis is, for the help of commands that read them. */
export const REDIS_SETTINGS = [
  'REDIS_URL',
  'REDIS_HOST',
  'REDIS_PORT',
  'REDIS_PASSWORD',
  'REDIS_PREFIX',
] as const;

/** The settings that say where ClickHouse is. */
export const CLICKHOUSE_SETTINGS = [
  'CLICKHOUSE_URL',
  'CLICKHOUSE_HOST',
  'CLICKHOUSE_PORT',
  'CLICKHOUSE_DATABASE',
  'CLICKHOUSE_USER',
  'CLICKHOUSE_PASSWORD',
] as const;
