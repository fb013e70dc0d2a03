import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig, type Config } from '../../src/base/config.ts';
import { AppError } from '../../src/base/errors.ts';
import { log } from '../../src/base/log.ts';
import { freePort, waitUntil } from '../../src/embedded/probe.ts';
import { nodeCommand } from '../../src/embedded/processes.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { startServices } from '../../src/embedded/services.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';

const START_MS = 60_000;
const STOP_MS = 15_000;
const LOOK_EVERY_MS = 20;

/** A worker process of the pipeline under measurement. */
export interface WorkerProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface SpawnOptions {
  /** What it says on standard output is not shown. */
  readonly quiet?: boolean;
}

export interface Stage {
  readonly database: Database;
  readonly config: Config;
  /** Starts worker processes on this stage; ready when they take jobs. */
  startWorkers(count: number, args?: readonly string[]): Promise<WorkerProcess[]>;
  /** Any other of the project's programs, with the same settings. */
  spawn(file: string, args?: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Takes the stage's tables away. */
  close(): Promise<void>;
}

/** Redis and ClickHouse for the benchmark alone, embedded, on free ports, in a folder of their own. */
export class World {
  readonly #env: NodeJS.ProcessEnv;
  readonly #runFiles: RunFiles;
  readonly #end: () => Promise<void>;
  #stages = 0;

  private constructor(env: NodeJS.ProcessEnv, dataDir: string, end: () => Promise<void>) {
    this.#env = env;
    this.#runFiles = new RunFiles(dataDir);
    this.#end = end;
  }

  static async open(signal: AbortSignal): Promise<World> {
    const dataDir = mkdtempSync(join(tmpdir(), 'pipeline-bench-'));
    const env = {
      ...process.env,
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      CLICKHOUSE_URL: `http://127.0.0.1:${await freePort()}`,
      DATA_DIR: dataDir,
      EMBEDDED: 'auto',
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
    };
    const { supervisor } = await startServices(loadConfig(env), { log: log('bench'), dataDir, signal });
    return new World({ ...env, EMBEDDED: 'off' }, dataDir, async () => {
      await supervisor.stop();
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  async close(): Promise<void> {
    await this.#end();
  }

  /** Process ids of Redis and ClickHouse. */
  pid(service: 'redis' | 'clickhouse'): number {
    return this.#runFiles.read(service)?.child?.pid ?? 0;
  }

  /** A database and a key prefix of its own, with the schema applied. */
  async stage(settings: Readonly<Record<string, string>> = {}): Promise<Stage> {
    this.#stages += 1;
    const name = `bench_${this.#stages}`;
    const env = { ...this.#env, CLICKHOUSE_DATABASE: name, REDIS_PREFIX: `{${name}}`, ...settings };
    const config = loadConfig(env);
    const database = new Database(config.clickhouse);
    await migrate(database);
    const spawnProgram = (
      file: string,
      args: readonly string[] = [],
      { quiet = false }: SpawnOptions = {},
    ) => {
      const { command, args: nodeArgs } = nodeCommand(file, args);
      return spawn(command, nodeArgs, {
        env,
        stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit', 'ipc'],
      });
    };
    return {
      database,
      config,
      spawn: spawnProgram,
      startWorkers: async (count, args) =>
        await Promise.all(
          Array.from({ length: count }, () => started(spawnProgram('workers/main.ts', args))),
        ),
      close: async () => {
        await database.runOutside(`DROP DATABASE IF EXISTS ${name}`);
        await database.close();
      },
    };
  }
}

async function started(child: ChildProcess): Promise<WorkerProcess> {
  const late = new AbortController();
  const ready = await Promise.race([
    once(child, 'message').then(() => true),
    once(child, 'exit').then(() => false),
    sleep(START_MS, false, { signal: late.signal }).catch(() => false),
  ]);
  late.abort();
  if (!ready)
    throw new AppError('NOT_STARTED', 'A worker of the benchmark did not start.', { retry: 'never' });
  return { pid: child.pid ?? 0, stop: () => ended(child) };
}

/** Stops a program, and makes sure of it. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(timer);
}

/** Looks until it is so. @throws AppError TOO_LATE */
export async function until(
  what: string,
  is: () => Promise<boolean>,
  signal: AbortSignal,
  withinMs: number,
  everyMs = LOOK_EVERY_MS,
): Promise<void> {
  if (await waitUntil(is, { timeoutMs: withinMs, intervalMs: everyMs, signal })) return;
  signal.throwIfAborted();
  throw new AppError('TOO_LATE', `Within ${withinMs / 1000} s it did not come to: ${what}.`, {
    retry: 'never',
  });
}
