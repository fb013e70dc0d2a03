import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';
import { sendSignal } from '../../src/embedded/processes.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { freePort, runProgram, temporaryFolder, type RunningProgram } from './processes.ts';
import type { Environment } from './world.ts';

/** Settings that give a test's world a Redis, a ClickHouse and files that are nobody else's. */
export async function stackSettings(): Promise<Environment> {
  return {
    REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
    CLICKHOUSE_URL: `http://127.0.0.1:${await freePort()}`,
    DATA_DIR: temporaryFolder(),
    EMBEDDED: 'auto',
    DASHBOARD_PORT: String(await freePort()),
  };
}

/** The whole pipeline, supervised, in a process of its own (stackFixture.ts), of which any part can be killed. */
export class Stack {
  readonly environment: Environment;
  readonly #runFiles: RunFiles;
  #program: RunningProgram | undefined;

  /** Ended with the test, with all that it leaves behind. Nothing runs before `up()`. */
  constructor(environment: Environment) {
    this.environment = environment;
    this.#runFiles = new RunFiles(environment['DATA_DIR'] ?? '');
    onTestFinished(async () => {
      this.#program?.child.kill('SIGKILL');
      await this.#runFiles.endOrphans();
    });
  }

  /** Starts all of it; resolves when all of it is ready. */
  async up(): Promise<void> {
    this.#program = runProgram('test/support/stackFixture.ts', [], { env: this.environment });
    await this.#program.said('{"pids":');
  }

  /** What it and its children said: standard output has the children's logs, standard error its own. */
  get output(): RunningProgram['output'] {
    return this.#program?.output ?? { stdout: '', stderr: '' };
  }

  /** Process id of a child: `redis`, `clickhouse`, `dashboard`, `workers-1` ...; undefined while it is down. */
  pid(name: string): number | undefined {
    return this.#runFiles.read(name)?.child?.pid;
  }

  /** kill -9 of a child, of the moment: false when it is down already. */
  kill(name: string): boolean {
    const pid = this.pid(name);
    return pid !== undefined && sendSignal(pid, 'SIGKILL');
  }

  /** kill -9 of the supervisor; its children are left to themselves. */
  async killSupervisor(): Promise<void> {
    const child = this.#program?.child;
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** A clean stop, within its 20 s. */
  async stop(): Promise<void> {
    const told = Date.now();
    this.#program?.child.kill('SIGTERM');
    expect(await this.#program?.exited, this.output.stderr).toEqual({ code: 0, signal: null });
    expect(Date.now() - told).toBeLessThan(20_000);
  }
}
