import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** The project's own folder. */
export const PROJECT_ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** How to run one of the project's TypeScript files (path from the project's root) as a process. */
export function nodeCommand(file: string, args: readonly string[] = []): { command: string; args: string[] } {
  return { command: process.execPath, args: ['--import', TSX, `${PROJECT_ROOT}${file}`, ...args] };
}

/**
 * What tells this process from every other that has or will have the same id: when it started, in which boot.
 * Undefined when there is no such process, or only its remains (a zombie).
 */
export function processIdentity(pid: number): string | undefined {
  return existsSync('/proc/self/stat') ? linuxIdentity(pid) : psIdentity(pid);
}

/** Fields of /proc/PID/stat, from the third (state) on: those after the name in parentheses. @throws where there are none */
export function processStat(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function linuxIdentity(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    // proc(5): state (field 3) ... start time in ticks (field 22).
    const fields = processStat(pid);
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${boot.trim()} ${fields[19]}`;
  } catch {
    return undefined;
  }
}

function psIdentity(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
    const [state = '', ...started] = line.trim().split(/\s+/);
    return state === '' || state.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}

/** Sends a signal to a process, or with a negative id to a group; false when there is none. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
