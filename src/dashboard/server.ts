import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../base/config.ts';
import { ConfigError, oneLine } from '../base/errors.ts';
import { log, type Logger } from '../base/log.ts';
import { Database } from '../store/clickhouse.ts';
import { schemaReady } from '../store/ready.ts';
import { connectRedis } from '../../queues/connection.ts';
import { Queues } from '../../queues/producer.ts';
import { createApp } from './app.ts';
import { requiredCredentials } from './auth.ts';
import { processMetrics } from './metrics.ts';
import { clickhouseCheck, redisCheck } from './services.ts';
import { StatusReader } from './status.ts';
import { withinTime } from './withinTime.ts';

/** Requests under way get this long when the dashboard stops, in milliseconds; so does Redis. */
const STOP_MS = 1_000;
/** A count over billions of rows may take this long. */
const LONG_QUERY_MS = 120_000;
/** Longer than the check that uses it, so that the check decides. */
const SHORT_QUERY_MS = 2_000;
const SCHEMA_RETRY_MS = 10_000;

export interface Dashboard {
  /** With a slash at its end. */
  readonly url: string;
  /** Takes little more than a second at most. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts the dashboard; it serves whether or not Redis and ClickHouse are there, and says so.
 * @throws ConfigError when it would be open to other machines, or its address cannot be used
 */
export async function startDashboard(config: Config): Promise<Dashboard> {
  const logger = log('dashboard');
  const credentials = requiredCredentials(config.dashboard);
  const server = createServer();
  await listen(server, config.dashboard);

  const redis = connectRedis(config.redis.url, log('redis'));
  const queues = new Queues(redis, config.redis.prefix);
  const database = new Database(config.clickhouse, { requestTimeoutMs: LONG_QUERY_MS, maxConnections: 4 });
  const probing = new Database(config.clickhouse, { requestTimeoutMs: SHORT_QUERY_MS, maxConnections: 2 });
  const checks = {
    redisCheck: redisCheck(redis, config.redis.url),
    clickhouseCheck: clickhouseCheck(probing, config.clickhouse),
  };
  const status = new StatusReader({ config, redis, queues, database, ...checks });
  const parts = { config, credentials, queues, status, processMetrics: processMetrics(), logger, ...checks };
  server.on('request', createApp(parts));

  const stopping = new AbortController();
  const schema = keepSchema(database, logger, stopping.signal);
  const url = addressOf(server);
  logger.info(`Dashboard: ${url}`);

  const stop = async () => {
    stopping.abort();
    await Promise.all([closeServer(server), briefly(schema), briefly(queues.close())]);
    redis.disconnect();
    await Promise.all([database.close(), probing.close()]);
  };
  return { url, stop };
}

/** Waits for a part of the stop, but not for a service that does not answer. */
async function briefly(part: Promise<void>): Promise<void> {
  await withinTime(part, STOP_MS, 'end').catch(() => undefined);
}

/** Brings the schema up to date once ClickHouse is there. What stands against it is logged once and shown by the check. */
async function keepSchema(database: Database, logger: Logger, signal: AbortSignal): Promise<void> {
  let said: string | undefined;
  while (!signal.aborted) {
    try {
      await schemaReady(database, logger, signal);
      return;
    } catch (error) {
      if (signal.aborted) return;
      const line = oneLine(error);
      if (line !== said) logger.error(line);
      said = line;
    }
    await sleep(SCHEMA_RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function listen(server: Server, { host, port }: Config['dashboard']): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const code = error.code ?? '';
  if (code === 'EADDRINUSE') {
    return new ConfigError(
      `Port ${port} of ${host} is in use by another program: set DASHBOARD_PORT to a free one (0 takes any), or end that program.`,
    );
  }
  if (code === 'EACCES') {
    return new ConfigError(
      `Port ${port} is not allowed for this user: set DASHBOARD_PORT to one above 1023.`,
    );
  }
  if (['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'].includes(code)) {
    return new ConfigError(`DASHBOARD_HOST=${host} is no address of this machine.`);
  }
  return error;
}

/** Where a browser on this machine finds it. */
function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  const everywhere = address === '0.0.0.0' || address === '::';
  const host = everywhere ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}/`;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), STOP_MS);
  await closed;
  clearTimeout(timer);
}
