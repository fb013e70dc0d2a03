import { describe, expect, test } from 'vitest';
import { displayUrl, endpoint, isLoopback, loadConfig } from '../../src/base/config.ts';
import { ConfigError } from '../../src/base/errors.ts';

describe('a wrong value', () => {
  test.each([
    [
      'DASHBOARD_PORT',
      'abc',
      'DASHBOARD_PORT=abc is not allowed: it must be a whole number from 0 to 65535.',
    ],
    ['DASHBOARD_PORT', '70000', 'DASHBOARD_PORT=70000 is not allowed'],
    ['ORDERS_POLL_MS', '-5', 'ORDERS_POLL_MS=-5 is not allowed'],
    ['ORDERS_POLL_MS', '1.5', 'ORDERS_POLL_MS=1.5 is not allowed'],
    ['ORDER_SOURCES', 'goldsky,solana', 'it must be a comma list of goldsky, polygon'],
    ['EMBEDDED', 'yes', 'EMBEDDED=yes is not allowed: it must be auto or off.'],
    ['CLICKHOUSE_DATABASE', 'a;b', 'it must be a name of letters, digits and _'],
    ['GOLDSKY_START', '2024-01-01', 'it must be a unix time in seconds'],
    ['EXCHANGE_ADDRESSES', '0x12', 'it must be 0x addresses of 20 bytes'],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL=loud is not allowed'],
  ])('%s=%s', (name, value, message) => {
    expect(() => loadConfig({ [name]: value })).toThrow(ConfigError);
    expect(() => loadConfig({ [name]: value })).toThrow(message);
  });

  test('of a setting that may hold a secret is not shown', () => {
    expect(() => loadConfig({ REDIS_URL: 'http://:geheim@host' })).toThrow(
      /^REDIS_URL=\(not shown\) is not allowed: it must be a URL that starts with redis:/,
    );
  });
});

test('defaults are those of the documentation', () => {
  expect(loadConfig({})).toMatchObject({
    redis: { url: 'redis://127.0.0.1:6379', prefix: '{polymarket}' },
    clickhouse: { url: 'http://127.0.0.1:8123', database: 'polymarket', user: 'default', password: '' },
    gamma: { url: 'https://gamma-api.polymarket.com', requestsPer10s: 200, pollMs: 30_000 },
    goldsky: { requestsPer10s: 45, pollMs: 5_000, start: undefined },
    orderSources: ['goldsky', 'polygon'],
    write: { batchRows: 5_000, maxWaitMs: 1_000 },
    embedded: 'auto',
    dashboard: { host: '127.0.0.1', port: 8_000, user: undefined, password: undefined },
  });
});

test('host, port and password make a URL where none is given; an empty value is no value', () => {
  const config = loadConfig({
    REDIS_URL: '',
    REDIS_HOST: 'cache',
    REDIS_PORT: '6380',
    REDIS_PASSWORD: 'a/b@c',
    CLICKHOUSE_HOST: 'ch',
    CLICKHOUSE_PORT: '9',
    DASHBOARD_PORT: '',
  });
  expect(config.redis.url).toBe('redis://:a%2Fb%40c@cache:6380');
  expect(config.clickhouse.url).toBe('http://ch:9');
  expect(config.dashboard.port).toBe(8_000);
});

test('what is shown of a URL has no secrets', () => {
  expect(displayUrl('redis://user:geheim@host:6379/3')).toBe('redis://host:6379');
  expect(displayUrl('https://rpc.example/v2/key?token=1')).toBe('https://rpc.example');
});

test('endpoints and loopback', () => {
  expect(endpoint('redis://[::1]')).toEqual({ host: '::1', port: 6379 });
  expect(endpoint('https://a.example/x')).toEqual({ host: 'a.example', port: 443 });
  expect(['localhost', '127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true);
  expect(['0.0.0.0', '10.0.0.1', 'localhost.example'].some(isLoopback)).toBe(false);
});
