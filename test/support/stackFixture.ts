import { pino } from 'pino';
import { runCommand } from '../../src/base/command.ts';
import { nodeCommand } from '../../src/embedded/processes.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { startServices } from '../../src/embedded/services.ts';
import type { ChildSpec } from '../../src/embedded/supervisedChild.ts';

/**
 * A whole supervised pipeline as one process, as `npm start` is, with any number of worker processes. Beside the
 * program's own settings it takes from its environment:
 * - WORKERS: how many worker processes (`workers-1` ...), default 3
 * - WORKERS_REDIS_URL, WORKERS_CLICKHOUSE_URL: where the workers find the services, when something stands between
 *
 * Its own log goes to standard error. A line of standard output `{"pids":{"redis":1,...}}` says that all of it is
 * ready; another one follows each time that a child which died is ready again.
 */
void runCommand({
  name: 'stack',
  summary: 'Stands in for "npm start" in the tests of what dies.',
  async run({ config, signal, stopped, onStop, ready }) {
    const { dataDir } = config;
    const log = pino(
      { level: 'info' },
      {
        write: (line) => {
          process.stderr.write(line);
          if (line.includes(' runs again')) sayPids();
        },
      },
    );
    const runFiles = new RunFiles(dataDir);
    const names: string[] = [];
    const sayPids = () => {
      const pids = names.map((name) => [name, runFiles.read(name)?.child?.pid] as const);
      process.stdout.write(`${JSON.stringify({ pids: Object.fromEntries(pids) })}\n`);
    };

    const { redis, clickhouse, supervisor } = await startServices(config, { log, dataDir, signal });
    onStop(() => supervisor.stop());
    if (redis === 'embedded') names.push('redis');
    if (clickhouse === 'embedded') names.push('clickhouse');
    const children = [...workers(), dashboard()];
    names.push(...children.map(({ name }) => name));
    const started = await Promise.allSettled(children.map((spec) => supervisor.start(spec, signal)));
    const failed = started.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    sayPids();
    ready();
    await stopped;
  },
});

function workers(): ChildSpec[] {
  const { WORKERS = '3', WORKERS_REDIS_URL, WORKERS_CLICKHOUSE_URL } = process.env;
  const env = {
    ...(WORKERS_REDIS_URL === undefined ? {} : { REDIS_URL: WORKERS_REDIS_URL }),
    ...(WORKERS_CLICKHOUSE_URL === undefined ? {} : { CLICKHOUSE_URL: WORKERS_CLICKHOUSE_URL }),
  };
  return Array.from({ length: Number(WORKERS) }, (_, index) => ({
    name: `workers-${index + 1}`,
    ...nodeCommand('workers/main.ts'),
    env,
    ipc: true,
    stopTimeoutMs: 12_000,
  }));
}

function dashboard(): ChildSpec {
  return { name: 'dashboard', ...nodeCommand('src/dashboard/main.ts'), ipc: true, stopTimeoutMs: 3_000 };
}
