import { join } from 'node:path';
import { displayUrl, type Config } from '../base/config.ts';
import type { Logger } from '../base/log.ts';
import { nodeCommand } from '../embedded/processes.ts';
import { RunFiles } from '../embedded/runFiles.ts';
import { startServices, type Services } from '../embedded/services.ts';
import { SupervisedChild, type ChildSpec } from '../embedded/supervisedChild.ts';
import { StartError, type Supervisor } from '../embedded/supervisor.ts';
import { Database } from '../store/clickhouse.ts';
import { contentsOf, markAsDemo } from '../store/demoMark.ts';

/** The name under which a running pipeline is found in `DATA_DIR/run`. */
export const PIPELINE = 'pipeline';

export interface PipelineOptions {
  readonly config: Config;
  /** What the children's environment has beyond this process' own; it has to say the same as `config`. */
  readonly env?: Readonly<NodeJS.ProcessEnv>;
  readonly log: Logger;
  /** Which data this pipeline makes: it refuses a database that holds the other kind. Live when left out. */
  readonly kind?: 'live' | 'demo';
  readonly signal?: AbortSignal | undefined;
}

export interface Pipeline extends Pick<Services, 'redis' | 'clickhouse'> {
  /** The dashboard's address. */
  readonly url: string;
  /** Stops all of it in order, within 17.5 s. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts everything on this machine, each part supervised: the embedded services that are needed, the schema, one worker
 * process, the dashboard. Resolves when all of it is ready. One pipeline a DATA_DIR.
 * @throws AlreadyRunningError, StartError; nothing is left running then.
 */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { config, env = {}, log, signal } = options;
  const { dataDir } = config;
  const runFiles = new RunFiles(dataDir);
  await runFiles.claim(PIPELINE);
  let services: Services | undefined;
  const stop = async () => {
    await services?.supervisor.stop();
    runFiles.release(PIPELINE);
  };
  try {
    services = await startServices(config, { log, dataDir, signal });
    await checkContents(config, options.kind ?? 'live', signal);
    await applySchema(env, dataDir, signal);
    const url = await startProcesses(services.supervisor, config, env, signal);
    runFiles.note(PIPELINE, { url });
    return { url, redis: services.redis, clickhouse: services.clickhouse, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Made data and real data never share a database. @throws StartError */
async function checkContents(
  config: Config,
  kind: 'live' | 'demo',
  signal: AbortSignal | undefined,
): Promise<void> {
  const database = new Database(config.clickhouse);
  // Breaks off what a server that hangs has been asked.
  const breakOff = () => void database.close();
  signal?.addEventListener('abort', breakOff, { once: true });
  try {
    const contents = await contentsOf(database);
    const where = `${config.clickhouse.database} at ${displayUrl(config.clickhouse.url)}`;
    const mend = 'set CLICKHOUSE_DATABASE to another name.';
    if (kind === 'live' && contents === 'demo') throw new StartError(`${where} holds demo data: ${mend}`);
    if (kind === 'demo' && contents === 'live') {
      throw new StartError(`${where} holds data that the demo did not make: ${mend}`);
    }
    if (kind === 'demo') await markAsDemo(database);
  } finally {
    signal?.throwIfAborted();
    signal?.removeEventListener('abort', breakOff);
    await database.close();
  }
}

/** The worker process and the dashboard; gives the dashboard's address. */
async function startProcesses(
  supervisor: Supervisor,
  config: Config,
  env: Readonly<NodeJS.ProcessEnv>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const workers: ChildSpec = {
    name: 'workers',
    ...nodeCommand('workers/main.ts'),
    env,
    ipc: true,
    stopTimeoutMs: 12_000,
  };
  const dashboard: ChildSpec = {
    name: 'dashboard',
    ...nodeCommand('src/dashboard/main.ts'),
    env,
    ipc: true,
    stopTimeoutMs: 3_000,
  };
  // Both starts are awaited to their end, so that the stop after a failure finds what the other has started.
  const [first, second] = await Promise.allSettled([
    supervisor.start(workers, signal),
    supervisor.start(dashboard, signal),
  ]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  const { url } = second.value;
  return typeof url === 'string' ? url : `http://${config.dashboard.host}:${config.dashboard.port}/`;
}

async function applySchema(
  env: Readonly<NodeJS.ProcessEnv>,
  dataDir: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  const schema = new SupervisedChild({
    name: 'schema',
    ...nodeCommand('src/cli/schema.ts'),
    env,
    ipc: true,
    logFile: join(dataDir, 'logs', 'schema.log'),
  });
  const stop = () => void schema.stop(5_000);
  signal?.addEventListener('abort', stop, { once: true });
  const { how, lastWords } = await schema.exited;
  signal?.removeEventListener('abort', stop);
  signal?.throwIfAborted();
  if (how !== 'exit code 0') throw new StartError(`The schema could not be applied: ${lastWords ?? how}`);
}
