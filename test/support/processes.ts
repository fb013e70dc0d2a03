import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { onTestFinished } from 'vitest';
import { nodeCommand } from '../../src/embedded/processes.ts';

/** An empty folder that goes when the test ends. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'pipeline-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

export { freePort } from '../../src/embedded/probe.ts';

export interface RunningProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything written so far. */
  readonly output: { stdout: string; stderr: string };
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Resolves when standard output holds the text; fails when the program ends without. */
  readonly said: (text: string) => Promise<void>;
}

/** Runs one of the project's TypeScript files; killed when the test ends, if it still runs. */
export function runProgram(
  file: string,
  args: readonly string[] = [],
  options: { readonly env?: NodeJS.ProcessEnv; readonly ipc?: boolean } = {},
): RunningProgram {
  const { command, args: nodeArgs } = nodeCommand(file, args);
  return follow(
    spawn(command, nodeArgs, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
    }),
  );
}

/** Collects what a process with piped output says. */
export function follow(child: ChildProcess): RunningProgram {
  const output = { stdout: '', stderr: '' };
  let look: () => void = () => undefined;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
    look();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  // Not 'close': after a disconnect by the parent it never comes.
  const ended = [child.stdout, child.stderr].flatMap((stream) =>
    stream === null ? [] : [finished(stream).catch(() => undefined)],
  );
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('exit', (code, signal) => void Promise.all(ended).then(() => resolve({ code, signal }))),
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = (text: string) =>
    new Promise<void>((resolve, reject) => {
      look = () => {
        if (output.stdout.includes(text)) resolve();
      };
      look();
      void exited.then(() =>
        reject(new Error(`ended without saying ${text}: ${output.stdout}${output.stderr}`)),
      );
    });
  return { child, pid: child.pid ?? 0, output, exited, said };
}
