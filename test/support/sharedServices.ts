import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { freePort } from '../../src/embedded/probe.ts';
import { nodeCommand } from '../../src/embedded/processes.ts';

/**
 * One Redis and one ClickHouse for the whole run, in a folder of their own; each test has its own names in them.
 * Started by the command that users start them with.
 */
export default async function startSharedServices(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'pipeline-shared-'));
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const clickhouseUrl = `http://127.0.0.1:${await freePort()}`;
  const { command, args } = nodeCommand('src/cli/services.ts');
  const services = spawn(command, args, {
    env: {
      ...process.env,
      REDIS_URL: redisUrl,
      CLICKHOUSE_URL: clickhouseUrl,
      DATA_DIR: dataDir,
      EMBEDDED: 'auto',
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = new Promise<void>((resolve) => services.once('exit', () => resolve()));
  const ready = new Promise<void>((resolve) => services.once('message', () => resolve()));
  const failed = exited.then(() => {
    throw new Error('The services of the test run did not start.');
  });
  await Promise.race([ready, failed]);
  // Their end in the teardown is no failure.
  failed.catch(() => undefined);
  project.provide('redisUrl', redisUrl);
  project.provide('clickhouseUrl', clickhouseUrl);
  return async () => {
    services.kill('SIGTERM');
    await exited;
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
}
