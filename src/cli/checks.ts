import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { displayUrl, exchangesOf, isLoopback, type Config } from '../base/config.ts';
import { oneLine } from '../base/errors.ts';
import { versionsText } from '../base/exchanges.ts';
import { parseMarket } from '../domain/parseMarket.ts';
import { GammaSource } from '../sources/gamma.ts';
import { GoldskySource } from '../sources/goldsky.ts';
import { ClickHouseRefused, Database } from '../store/clickhouse.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { checkScope } from '../store/scope.ts';
import { CHECK_MS, failed, passed, type Check, type CheckResult } from './check.ts';
import { polygonChecks } from './polygonChecks.ts';

const OLDEST_REDIS = [6, 2] as const;
/** ClickHouse server error: no such database, no such table. */
const MISSING = new Set([60, 81]);

/** Everything the pipeline needs, each check by itself. None of them changes anything. */
export function allChecks(config: Config): Check[] {
  return [
    { name: 'settings', run: () => Promise.resolve(checkSettings(config)) },
    // Only embedded services keep files.
    ...(config.embedded === 'auto'
      ? [{ name: 'data folder', run: () => Promise.resolve(checkDataDir(config)) }]
      : []),
    { name: 'redis', run: () => checkRedis(config) },
    { name: 'clickhouse', run: () => withDatabase(config, checkClickHouse) },
    { name: 'schema', run: () => withDatabase(config, checkSchema) },
    { name: 'sources', run: () => withDatabase(config, (database) => checkSources(database, config)) },
    { name: 'gamma', run: () => checkGamma(config) },
    ...(config.orderSources.includes('goldsky')
      ? [{ name: 'goldsky', run: () => checkGoldsky(config) }]
      : []),
    ...(config.orderSources.includes('polygon') ? polygonChecks(config) : []),
  ];
}

/** Runs a check; an error in it, or no end within 10 s, is its answer. */
export async function runCheck(check: Check): Promise<CheckResult> {
  const late = sleep(CHECK_MS, undefined, { ref: false }).then(() =>
    failed(`no answer within ${CHECK_MS / 1000} s.`),
  );
  return await Promise.race([check.run().catch((error: unknown) => failed(oneLine(error))), late]);
}

function checkSettings(config: Config): CheckResult {
  const { host, user, password } = config.dashboard;
  if (!isLoopback(host) && (user === undefined || password === undefined)) {
    return failed(
      `DASHBOARD_HOST=${host} is not loopback: set DASHBOARD_USER and DASHBOARD_PASSWORD, or the dashboard does not start.`,
    );
  }
  if (config.orderSources.includes('polygon') && config.polygon.exchanges.length === 0) {
    return failed(
      'EXCHANGE_ADDRESSES names no exchange that polygon reads (goldsky reads those of V1): add one.',
    );
  }
  return passed('every value is allowed.');
}

function checkDataDir(config: Config): CheckResult {
  let folder = config.dataDir;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
    return passed(`${config.dataDir} can be written.`);
  } catch {
    return failed(`${folder} cannot be written: set DATA_DIR to a folder of yours.`);
  }
}

async function checkRedis(config: Config): Promise<CheckResult> {
  const where = displayUrl(config.redis.url);
  const redis = new Redis(config.redis.url, { lazyConnect: true, retryStrategy: () => null });
  let problem: unknown;
  redis.on('error', (error) => {
    problem ??= error;
  });
  try {
    await redis.connect();
    const info = await redis.info();
    const version = /redis_version:(\d+)\.(\d+)\.\d+/.exec(info);
    const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1];
    const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
    if (major < OLDEST_REDIS[0] || (major === OLDEST_REDIS[0] && minor < OLDEST_REDIS[1])) {
      return failed(`${where} is Redis ${major}.${minor}: use ${OLDEST_REDIS.join('.')} or newer.`);
    }
    if (policy !== 'noeviction') {
      return failed(`${where} has maxmemory-policy ${policy}: set it to noeviction, or jobs can be lost.`);
    }
    const aof = info.includes('aof_enabled:1') ? 'with AOF' : 'without AOF (a restart of Redis refetches)';
    return passed(`${where} answers, version ${major}.${minor}, ${aof}.`);
  } catch (error) {
    return failed(
      `${where} does not answer (${oneLine(problem ?? error)}): start it (npm run services) or set REDIS_URL.`,
    );
  } finally {
    redis.disconnect();
  }
}

async function checkClickHouse(database: Database, where: string): Promise<CheckResult> {
  try {
    const rows = await database.rows<{ version: string }>('SELECT version() AS version');
    return passed(`${where} answers, version ${rows[0]?.version}.`);
  } catch (error) {
    if (error instanceof ClickHouseRefused) {
      if (MISSING.has(error.serverCode)) return passed(`${where} answers; the database is not there yet.`);
      return failed(`${error.message}.`);
    }
    return failed(`${oneLine(error)}: start it (npm run services) or set CLICKHOUSE_URL.`);
  }
}

/** Whether the database has this program's schema; the text says what to do where it has not. */
export async function checkSchema(database: Database): Promise<CheckResult> {
  try {
    const pending = await pendingMigrations(database);
    if (pending.length === 0) return passed(`${database.name} is up to date.`);
    return failed(`${pending.length} of schema/ not applied to ${database.name}: run npm run schema.`);
  } catch (error) {
    if (error instanceof ClickHouseRefused && MISSING.has(error.serverCode)) {
      return failed(`${database.name} has no tables yet: run npm run schema.`);
    }
    return failed(oneLine(error));
  }
}

/** No fill may be read from two sources. */
async function checkSources(database: Database, config: Config): Promise<CheckResult> {
  try {
    await checkScope(database, config);
  } catch (error) {
    // Where nothing is stored yet, nothing is there twice.
    if (!(error instanceof ClickHouseRefused && MISSING.has(error.serverCode))) return failed(oneLine(error));
  }
  const reads = config.orderSources.map(
    (source) => `${source} reads ${versionsText(exchangesOf(source, config))}`,
  );
  return passed(`${reads.join(', ')}.`);
}

async function checkGamma(config: Config): Promise<CheckResult> {
  const where = displayUrl(config.gamma.url);
  const gamma = new GammaSource({ url: config.gamma.url, timeoutMs: CHECK_MS });
  const { markets } = await gamma.fetchMarkets({ closed: false, limit: 1 });
  if (markets.length > 0 && !markets.some((market) => parseMarket(market).ok)) {
    return failed(`${where} answers with markets of an unknown shape: check GAMMA_URL.`);
  }
  return passed(`${where} answers.`);
}

async function checkGoldsky(config: Config): Promise<CheckResult> {
  const where = displayUrl(config.goldsky.url);
  const goldsky = new GoldskySource({ url: config.goldsky.url, timeoutMs: CHECK_MS });
  const now = Math.floor(Date.now() / 1000);
  const { head } = await goldsky.fetchPage({ timestamp: now, id: '' }, { pageSize: 1 });
  if (head === undefined) return passed(`${where} answers; it does not say how far it has indexed.`);
  const age = now - head.timestamp;
  return passed(`${where} answers; it has indexed up to ${age < 0 ? 0 : age} s ago.`);
}

async function withDatabase(
  config: Config,
  check: (database: Database, where: string) => Promise<CheckResult>,
): Promise<CheckResult> {
  const database = new Database(config.clickhouse, { requestTimeoutMs: CHECK_MS });
  try {
    return await check(database, displayUrl(config.clickhouse.url));
  } finally {
    await database.close();
  }
}
