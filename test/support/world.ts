import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { loadConfig, type Config } from '../../src/base/config.ts';

export type Environment = Record<string, string>;

/**
 * Settings of one test's own world on the shared Redis and ClickHouse of the run: its own key prefix and database,
 * so that tests neither meet each other nor a running pipeline.
 */
export function testEnvironment(overrides: Environment = {}): Environment {
  const id = randomUUID().slice(0, 8);
  return {
    REDIS_URL: inject('redisUrl'),
    CLICKHOUSE_URL: inject('clickhouseUrl'),
    REDIS_PREFIX: `{test-${id}}`,
    CLICKHOUSE_DATABASE: `test_${id}`,
    GAMMA_URL: 'http://127.0.0.1:9',
    GOLDSKY_URL: 'http://127.0.0.1:9',
    POLYGON_RPC_URL: 'http://127.0.0.1:9',
    // A test of another source says so.
    ORDER_SOURCES: 'goldsky',
    MARKETS_POLL_MS: '1000',
    ORDERS_POLL_MS: '500',
    GOLDSKY_REQUESTS_PER_10S: '0',
    POLYGON_REQUESTS_PER_10S: '0',
    GAMMA_REQUESTS_PER_10S: '0',
    WRITE_MAX_WAIT_MS: '200',
    DASHBOARD_PORT: '0',
    LOG_LEVEL: 'warn',
    EMBEDDED: 'off',
    ...overrides,
  };
}

export function testConfig(environment: Environment): Config {
  return loadConfig(environment);
}

declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string;
    clickhouseUrl: string;
  }
}
