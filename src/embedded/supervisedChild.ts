import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SUPERVISED } from '../base/supervised.ts';
import { sendSignal } from './processes.ts';
import { waitUntil } from './probe.ts';

export interface ChildSpec {
  /** Unique in its DATA_DIR. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Over the supervisor's own environment. */
  readonly env?: Readonly<NodeJS.ProcessEnv>;
  /** Written to its standard input, for what must not be seen in the process list. */
  readonly input?: string;
  /** Node children get an IPC channel and end themselves when it closes; they are ready when they say so over it. */
  readonly ipc?: boolean;
  /** A file that its standard output is appended to; without it, it shares the supervisor's. */
  readonly logFile?: string;
  /** Asked until it is true; without it, the child's message `{ready: true}` is awaited. */
  readonly ready?: () => Promise<boolean>;
  /** Default 60 s. */
  readonly readyTimeoutMs?: number;
  /** Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  /** How long after the stop signal it is killed; default 5 s. */
  readonly stopTimeoutMs?: number;
  /** Why it ended, where the last line of its standard error does not say that. */
  readonly lastWords?: (said: Said) => string | undefined;
  /**
   * Looks at each end before the next start, and mends what would keep the child from starting. Gives the line that
   * says what it did; undefined where there was nothing to mend.
   */
  readonly recover?: (exit: Exit) => string | undefined;
}

/** What the child's ready message carried. */
export type ReadyInfo = Readonly<Record<string, unknown>>;

/** What a child said in its life. */
export interface Said {
  /** The last lines of its standard error that are not empty. */
  readonly stderr: readonly string[];
  /** What its log file got. */
  readonly log: string;
}

export interface Exit extends Said {
  /** e.g. `exit code 1` or `signal SIGKILL`. */
  readonly how: string;
  readonly lastWords: string | undefined;
}

export const READY_TIMEOUT_MS = 60_000;
const HELD_STDERR_LINES = 200;
const LAST_STDERR_LINES = 20;

/** One life of a supervised process, in a process group of its own: a terminal's Ctrl-C does not reach it. */
export class SupervisedChild {
  readonly pid: number | undefined;
  readonly exited: Promise<Exit>;
  readonly #spec: ChildSpec;
  readonly #process: ChildProcess;
  /** Length of its log file when it began. */
  readonly #logStart: number;
  #exit: Exit | undefined;
  #info: ReadyInfo | undefined;
  readonly #lastLines: string[] = [];
  /** What it wrote to standard error before it was ready; undefined from then on. */
  #held: string[] | undefined = [];

  constructor(spec: ChildSpec) {
    this.#spec = spec;
    const log = spec.logFile === undefined ? undefined : openLog(spec.logFile);
    this.#logStart = log === undefined ? 0 : fstatSync(log).size;
    const input = spec.input === undefined ? undefined : openInput(spec.input);
    const stdio: StdioOptions = [input ?? 'ignore', log ?? 'inherit', 'pipe'];
    if (spec.ipc) stdio.push('ipc');
    this.#process = spawn(spec.command, spec.args, {
      stdio,
      env: { ...process.env, ...spec.env, ...(spec.ipc ? { [SUPERVISED]: 'yes' } : {}) },
      detached: true,
    });
    for (const descriptor of [log, input]) if (descriptor !== undefined) closeSync(descriptor);
    this.pid = this.#process.pid;
    this.exited = this.#watchExit();
    this.#watchStderr();
    this.#process.on('message', (message) => {
      if (typeof message === 'object' && 'ready' in message && message.ready === true)
        this.#info = { ...message };
    });
  }

  get hasExited(): boolean {
    return this.#exit !== undefined;
  }

  /** Resolves with what the child said when it is ready, with undefined when it ended or did not get ready in time. */
  async ready(signal?: AbortSignal): Promise<ReadyInfo | undefined> {
    let isReady = false;
    await waitUntil(
      async () => {
        if (this.#exit !== undefined) return true;
        isReady = this.#spec.ready === undefined ? this.#info !== undefined : await this.#spec.ready();
        return isReady;
      },
      { timeoutMs: this.#spec.readyTimeoutMs ?? READY_TIMEOUT_MS, intervalMs: 25, signal },
    );
    // A probe may have been answered by someone else at the same address: a child that ended is not ready.
    if (!isReady || this.#exit !== undefined) return undefined;
    this.releaseStderr();
    return this.#info ?? {};
  }

  /** Passes on what was held back; the failed first start of a child shows it only when that helps. */
  releaseStderr(): void {
    for (const line of this.#held ?? []) process.stderr.write(`${line}\n`);
    this.#held = undefined;
  }

  /** Stop signal, then SIGKILL for the whole group when it is still there after its timeout. Resolves when it is gone. */
  async stop(withinMs: number): Promise<void> {
    if (this.pid === undefined || this.hasExited) return;
    sendSignal(this.pid, this.#spec.stopSignal ?? 'SIGTERM');
    const timer = setTimeout(() => this.kill(), Math.max(withinMs, 0));
    await this.exited;
    clearTimeout(timer);
  }

  /** SIGKILL, at once, to the child and all it started. */
  kill(): void {
    if (this.pid !== undefined && !this.hasExited) sendSignal(-this.pid, 'SIGKILL');
  }

  async #watchExit(): Promise<Exit> {
    // 'close' comes after the last of its output, but never comes while a grandchild holds that open.
    const how = await new Promise<string>((resolve) => {
      this.#process.once('error', (error) => resolve(error.message));
      this.#process.once('exit', (code, signal) =>
        resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
      );
    });
    if (this.#process.stderr?.readableEnded === false) {
      const closed = once(this.#process.stderr, 'close').catch(() => undefined);
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200))]);
    }
    const log = this.#spec.logFile === undefined ? '' : readFrom(this.#spec.logFile, this.#logStart);
    const said: Said = { stderr: this.#lastLines, log };
    // A command puts its own name first; whoever quotes its words has said the name already.
    const line = this.#lastLines.at(-1)?.replace(new RegExp(`^${this.#spec.name}: `), '');
    this.#exit = { ...said, how, lastWords: this.#spec.lastWords?.(said) ?? line };
    return this.#exit;
  }

  #watchStderr(): void {
    let rest = '';
    this.#process.stderr?.setEncoding('utf8');
    this.#process.stderr?.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#stderrLine(line);
    });
    this.#process.stderr?.on('end', () => {
      if (rest !== '') this.#stderrLine(rest);
    });
  }

  #stderrLine(line: string): void {
    if (line.trim() !== '' && this.#lastLines.push(line.trim()) > LAST_STDERR_LINES) this.#lastLines.shift();
    if (this.#held === undefined) process.stderr.write(`${line}\n`);
    else if (this.#held.push(line) > HELD_STDERR_LINES) this.#held.shift();
  }
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a', 0o600);
}

/**
 * An input that is whole before the child begins: of a pipe it might get nothing when this process is killed in that
 * moment, and an empty configuration starts a server with its defaults. The file has no name any more.
 */
function openInput(text: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'pipeline-input-'));
  try {
    const file = join(folder, 'input');
    writeFileSync(file, text, { mode: 0o600 });
    return openSync(file, 'r');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a file holds from that byte on; nothing where it is gone or shorter. */
function readFrom(file: string, start: number): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - start));
      return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, start)).toString();
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}
