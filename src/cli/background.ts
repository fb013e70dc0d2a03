import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../base/config.ts';
import { waitUntil } from '../embedded/probe.ts';
import { nodeCommand } from '../embedded/processes.ts';
import { RunFiles } from '../embedded/runFiles.ts';
import { StartError } from '../embedded/supervisor.ts';
import { PIPELINE } from './pipeline.ts';

/** Long enough for an installation of Redis and a slow first start; a start that fails ends the wait at once. */
const READY_TIMEOUT_MS = 600_000;

/**
 * Starts the pipeline as a process that outlives this one, and waits until it is ready. Its output goes to
 * `DATA_DIR/logs/start.log`.
 * @throws StartError with the process' own line when it does not get ready; nothing is left running then.
 */
export async function startInBackground(
  config: Config,
  signal: AbortSignal,
): Promise<{ url: string; logFile: string }> {
  const logFile = join(config.dataDir, 'logs', 'start.log');
  mkdirSync(join(config.dataDir, 'logs'), { recursive: true });
  const output = openSync(logFile, 'a', 0o600);
  const { command, args } = nodeCommand('src/cli/start.ts');
  const child = spawn(command, args, { detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  const exited = once(child, 'exit');
  const runFiles = new RunFiles(config.dataDir);
  const url = () => {
    const record = runFiles.read(PIPELINE);
    return record?.owner.pid === child.pid ? record?.url : undefined;
  };
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  await waitUntil(() => hasEnded() || url() !== undefined, { timeoutMs: READY_TIMEOUT_MS, signal });
  const address = url();
  if (address !== undefined && !hasEnded()) {
    child.unref();
    return { url: address, logFile };
  }
  if (!hasEnded()) {
    child.kill('SIGTERM');
    await exited;
    signal.throwIfAborted();
    throw new StartError(
      `The pipeline was not ready within ${READY_TIMEOUT_MS / 60_000} minutes: see ${logFile}.`,
    );
  }
  throw new StartError(`${lastLine(logFile)} (log: ${logFile})`);
}

/** The line by which the command said why it ended. */
function lastLine(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n');
  return (
    lines.findLast((line) => line.startsWith('start: '))?.slice('start: '.length) ?? 'The pipeline ended'
  );
}
