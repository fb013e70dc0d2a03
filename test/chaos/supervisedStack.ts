import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeCommand, processIdentity, sendSignal } from '../../src/embedded/processes.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';

/** As systemd does: a supervisor that ends is started again after this pause, in milliseconds. */
const RESTART_MS = 1_000;
const STOP_MS = 20_000;

/** How the stack ended when it was told to. */
export interface StackEnd {
  /** Exit code 0 within 20 s. */
  readonly clean: boolean;
  /** Processes that had to be ended by hand. */
  readonly leftBehind: readonly string[];
  /** How often the supervisor was started. */
  readonly starts: number;
}

/** The supervisor process of stack.ts, started again whenever it ends, and the processes that it runs. */
export class SupervisedStack {
  readonly #dataDir: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #runFiles: RunFiles;
  #child: ChildProcess | undefined;
  #keeping: Promise<void> | undefined;
  #stopping = false;
  #starts = 0;

  constructor(dataDir: string, env: NodeJS.ProcessEnv) {
    this.#dataDir = dataDir;
    this.#env = env;
    this.#runFiles = new RunFiles(dataDir);
    mkdirSync(join(dataDir, 'logs'), { recursive: true });
  }

  get logFile(): string {
    return join(this.#dataDir, 'logs', 'supervisor.log');
  }

  /** Resolves when all of it is ready; fails when the supervisor ends before. */
  async start(signal: AbortSignal): Promise<void> {
    const child = this.#spawn();
    this.#keeping = this.#keepRunning();
    const ready = new Promise<'ready'>((resolve) => child.once('message', () => resolve('ready')));
    const ended = once(child, 'exit').then(() => 'ended' as const);
    const stopped = once(signal, 'abort').then(() => 'stopped' as const);
    if ((await Promise.race([ready, ended, stopped])) === 'ended') {
      throw new Error(`The stack did not start: see ${this.logFile}`);
    }
  }

  /** A child's process, while it is alive. */
  pid(name: string): number | undefined {
    const child = this.#runFiles.read(name)?.child;
    return child !== undefined && processIdentity(child.pid) === child.identity ? child.pid : undefined;
  }

  /** False when there is no such process at this moment. */
  signal(name: string, signal: NodeJS.Signals): boolean {
    const pid = this.pid(name);
    return pid !== undefined && sendSignal(pid, signal);
  }

  killSupervisor(): boolean {
    return this.#child?.kill('SIGKILL') ?? false;
  }

  /** Stops all of it, and makes sure that nothing is left. */
  async stop(): Promise<StackEnd> {
    this.#stopping = true;
    const child = this.#child;
    let clean = false;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit') as Promise<[number | null]>;
      child.kill('SIGTERM');
      const late = new AbortController();
      const code = await Promise.race([
        exited.then(([exitCode]) => exitCode),
        sleep(STOP_MS, undefined, { signal: late.signal }).catch(() => undefined),
      ]);
      late.abort();
      clean = code === 0;
      if (!clean) child.kill('SIGKILL');
    }
    await this.#keeping;
    return { clean, leftBehind: await this.#runFiles.endOrphans(), starts: this.#starts };
  }

  #spawn(): ChildProcess {
    this.#starts++;
    const log = openSync(this.logFile, 'a', 0o600);
    const { command, args } = nodeCommand('test/chaos/stack.ts');
    // By the channel it notices the end of this process, however that comes.
    this.#child = spawn(command, args, {
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', log, log, 'ipc'],
      // A terminal's Ctrl-C is for the harness, which then stops the stack.
      detached: true,
    });
    closeSync(log);
    return this.#child;
  }

  async #keepRunning(): Promise<void> {
    while (!this.#stopping && this.#child !== undefined) {
      if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
      if (this.#stopping) return;
      await sleep(RESTART_MS);
      if (!this.#stopping) this.#spawn();
    }
  }
}
