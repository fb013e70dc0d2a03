import { join } from 'node:path';
import { runCommand } from '../../src/base/command.ts';
import { log } from '../../src/base/log.ts';
import { nodeCommand } from '../../src/embedded/processes.ts';
import { startServices } from '../../src/embedded/services.ts';
import type { ChildSpec } from '../../src/embedded/supervisedChild.ts';
import { clockFile } from './clocks.ts';

const PRELOAD = new URL('clock.mjs', import.meta.url).href;

/**
 * The whole pipeline under one supervisor, as `npm start` runs it, with several workers. REDIS_URL and CLICKHOUSE_URL are
 * where the services are; whoever uses them does so by what stands between: CHAOS_REDIS_URL, CHAOS_CLICKHOUSE_URL.
 * CHAOS_WORKERS names the workers, CHAOS_CLOCKS the folder of their clocks.
 */
void runCommand({
  name: 'chaos-stack',
  summary: 'The pipeline as the chaos test runs it.',
  async run({ config, signal, stopped, onStop, ready }) {
    const { dataDir } = config;
    const { supervisor } = await startServices(config, { log: log('supervisor'), dataDir, signal });
    onStop(() => supervisor.stop());
    const names = (process.env['CHAOS_WORKERS'] ?? '').split(',');
    const children = [...names.map((name) => worker(name, dataDir)), dashboard(dataDir)];
    const started = await Promise.allSettled(children.map((child) => supervisor.start(child, signal)));
    const failed = started.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    ready();
    await stopped;
  },
});

function between(): NodeJS.ProcessEnv {
  const { CHAOS_REDIS_URL, CHAOS_CLICKHOUSE_URL } = process.env;
  return { REDIS_URL: CHAOS_REDIS_URL, CLICKHOUSE_URL: CHAOS_CLICKHOUSE_URL };
}

function worker(name: string, dataDir: string): ChildSpec {
  return {
    name,
    ...nodeCommand('workers/main.ts'),
    env: {
      ...between(),
      NODE_OPTIONS: `--import ${PRELOAD}`,
      CHAOS_CLOCK_FILE: clockFile(process.env['CHAOS_CLOCKS'] ?? '', name),
    },
    ipc: true,
    logFile: join(dataDir, 'logs', `${name}.log`),
    stopTimeoutMs: 12_000,
  };
}

function dashboard(dataDir: string): ChildSpec {
  return {
    name: 'dashboard',
    ...nodeCommand('src/dashboard/main.ts'),
    env: between(),
    ipc: true,
    logFile: join(dataDir, 'logs', 'dashboard.log'),
    stopTimeoutMs: 3_000,
  };
}
