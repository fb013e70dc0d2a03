import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SETTINGS } from '../../src/base/settings.ts';

const COMPOSE = readFileSync('docker-compose.yml', 'utf8');
const SETTINGS_BLOCK = /^x-settings: .*\n((?: {2}.*\n)+)/m.exec(COMPOSE)?.[1] ?? '';

/** Settings that docker-compose.yml gives a meaning of its own, or none. */
const APART = [
  'REDIS_URL', // Redis is the service next door: REDIS_HOST
  'REDIS_PORT',
  'CLICKHOUSE_URL', // the same: CLICKHOUSE_HOST
  'CLICKHOUSE_PORT', // on the host
  'DATA_DIR', // no embedded services, no files
  'DASHBOARD_HOST', // the dashboard's own, in its service
  'DASHBOARD_PORT',
  'DASHBOARD_USER',
  'DASHBOARD_PASSWORD',
];

test('every setting reaches the containers', () => {
  const passed = [...SETTINGS_BLOCK.matchAll(/^ {2}([A-Z0-9_]+):/gm)].map(([, name]) => name);
  expect([...passed, ...APART].sort()).toEqual(Object.keys(SETTINGS).sort());
});

test('no port is published beyond loopback', () => {
  const published = [...COMPOSE.matchAll(/^ +ports: \[(.*)\]/gm)].map(([, ports]) => ports);
  expect(published).toEqual([
    "'127.0.0.1:${CLICKHOUSE_PORT:-8123}:8123'",
    "'127.0.0.1:${DASHBOARD_PORT:-8000}:8000'",
  ]);
  expect(COMPOSE.match(/\bports:/g)).toHaveLength(published.length);
});

test('what the services run is built into the image', () => {
  const build = JSON.parse(readFileSync('deploy/tsconfig.build.json', 'utf8')) as { files: string[] };
  const built = build.files.map((file) => file.replace('../', ''));
  const run = [...COMPOSE.matchAll(/^ +command: \[node, (.*)\.js\]/gm)].map(([, path]) => `${path}.ts`);
  expect(run).toHaveLength(3);
  expect(built).toEqual(expect.arrayContaining(run));
  expect(built.filter((file) => !existsSync(file))).toEqual([]);
});
