import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { loadConfig } from '../../src/base/config.ts';
import { startServices } from '../../src/embedded/services.ts';

/** One Redis and one ClickHouse for the whole run, in a folder of their own; each test has its own names in them. */
export default async function startSharedServices(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'pipeline-shared-'));
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const clickhouseUrl = `http://127.0.0.1:${await freePort()}`;
  const config = loadConfig({ REDIS_URL: redisUrl, CLICKHOUSE_URL: clickhouseUrl, DATA_DIR: dataDir });
  const { supervisor } = await startServices(config, { log: pino({ level: 'warn' }), dataDir });
  project.provide('redisUrl', redisUrl);
  project.provide('clickhouseUrl', clickhouseUrl);
  return async () => {
    await supervisor.stop();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
