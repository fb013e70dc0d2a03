import { readFileSync } from 'node:fs';
import { processStat } from '../../src/embedded/processes.ts';

/** The kernel's unit of CPU time in /proc, in seconds: 100 a second on every Linux in use. */
const TICK_S = 0.01;

export interface Usage {
  /** CPU time of the process since it began, in seconds. */
  readonly cpuS: number;
  /** Memory that it has, and the most it has had, in bytes. */
  readonly rss: number;
  readonly peakRss: number;
}

/** What a process has used; undefined once it is gone, and where there is no /proc. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    // proc(5): state (field 3) ... utime and stime (fields 14 and 15).
    const fields = processStat(pid);
    const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
    return {
      cpuS: (Number(fields[11]) + Number(fields[12])) * TICK_S,
      rss: kb('VmRSS') * 1024,
      peakRss: kb('VmHWM') * 1024,
    };
  } catch {
    return undefined;
  }
}
