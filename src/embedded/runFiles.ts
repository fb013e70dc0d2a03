import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import { waitUntil } from './probe.ts';
import { processIdentity, sendSignal } from './processes.ts';

const PROCESS = z.object({ pid: z.number().int().positive(), identity: z.string() });
const RECORD = z.object({
  /** Who claimed the name, and ends what belongs to it. */
  owner: PROCESS,
  /** The process that runs under the name, when it is not the owner itself. */
  child: PROCESS.extend({ command: z.string() }).optional(),
  /** Where the owner can be reached, once it is ready. */
  url: z.string().optional(),
});
export type Process = z.infer<typeof PROCESS>;
export type RunRecord = z.infer<typeof RECORD>;

/** How long an orphan may take for its clean end before it is killed. */
export const ORPHAN_STOP_MS = 18_000;

/** Something of the same name already runs for this DATA_DIR. */
export class AlreadyRunningError extends AppError {
  constructor(name: string, pid: number) {
    super(
      'ALREADY_RUNNING',
      `The ${name} of this DATA_DIR already runs (process ${pid}): stop it ("npm stop"), or set another DATA_DIR.`,
      { retry: 'never' },
    );
  }
}

/**
 * The files `DATA_DIR/run/NAME.json`: which processes belong to this DATA_DIR, so that nothing runs twice, and so
 * that the next start and `npm stop` find what a killed supervisor left behind.
 */
export class RunFiles {
  readonly dir: string;

  constructor(dataDir: string) {
    this.dir = join(dataDir, 'run');
  }

  /**
   * Takes the name for this process; what a dead owner left under it is ended first.
   * @throws AlreadyRunningError when its owner lives.
   */
  async claim(name: string): Promise<void> {
    mkdirSync(this.dir, { recursive: true });
    const record: RunRecord = { owner: describeProcess(process.pid) };
    for (;;) {
      if (this.#create(name, record)) return;
      const held = this.read(name);
      if (held !== undefined && isAlive(held.owner)) {
        throw new AlreadyRunningError(name, held.owner.pid);
      }
      await this.#endOrphan(name, held);
    }
  }

  /** Notes the process that now runs under a claimed name. Synchronous, so that no kill falls between spawn and note. */
  note(name: string, facts: Omit<RunRecord, 'owner'>): void {
    const owner = describeProcess(process.pid);
    // A person may have removed it.
    const record = this.read(name) ?? { owner };
    if (record.owner.pid !== owner.pid) return;
    mkdirSync(this.dir, { recursive: true });
    const file = this.#file(name);
    writeFileSync(`${file}.new`, JSON.stringify({ ...record, ...facts }), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  release(name: string): void {
    rmSync(this.#file(name), { force: true });
  }

  read(name: string): RunRecord | undefined {
    return readRecord(this.#file(name));
  }

  /** The record, when its owner is alive. */
  running(name: string): RunRecord | undefined {
    const record = this.read(name);
    return record !== undefined && isAlive(record.owner) ? record : undefined;
  }

  /** Ends every process whose supervisor is gone, gently first; gives the names of those that were still there. */
  async endOrphans(): Promise<string[]> {
    const names = this.#names();
    const ended = await Promise.all(
      names.map(async (name) => {
        const record = this.read(name);
        if (record !== undefined && isAlive(record.owner)) return false;
        return this.#endOrphan(name, record);
      }),
    );
    return names.filter((_, i) => ended[i]);
  }

  async #endOrphan(name: string, record: RunRecord | undefined): Promise<boolean> {
    const child = record?.child;
    const alive = child !== undefined && isAlive(child);
    if (alive) await endProcess(child, ORPHAN_STOP_MS);
    this.#remove(name, record);
    return alive;
  }

  /** Removes the record that was seen; one that another process has put there meanwhile stays. */
  #remove(name: string, seen: RunRecord | undefined): void {
    const isSeen = (file: string) => JSON.stringify(readRecord(file)) === JSON.stringify(seen);
    if (!isSeen(this.#file(name))) return;
    const removed = `${this.#file(name)}.${process.pid}`;
    try {
      renameSync(this.#file(name), removed);
      // Claimed between the look and the renaming.
      if (!isSeen(removed)) linkSync(removed, this.#file(name));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Gone already, or claimed again already.
      if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
    } finally {
      rmSync(removed, { force: true });
    }
  }

  /** The whole file appears at once, or nothing when there already is one. */
  #create(name: string, record: RunRecord): boolean {
    const draft = `${this.#file(name)}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
    try {
      linkSync(draft, this.#file(name));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return false;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  #names(): string[] {
    try {
      return readdirSync(this.dir).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []));
    } catch {
      return [];
    }
  }

  #file(name: string): string {
    return join(this.dir, `${name}.json`);
  }
}

function readRecord(file: string): RunRecord | undefined {
  try {
    return RECORD.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** SIGTERM, and SIGKILL for it and its group when it is still there after `timeoutMs`. */
export async function endProcess(target: Process, timeoutMs: number): Promise<void> {
  const gone = () => !isAlive(target);
  sendSignal(target.pid, 'SIGTERM');
  if (await waitUntil(gone, { timeoutMs })) return;
  if (!sendSignal(-target.pid, 'SIGKILL')) sendSignal(target.pid, 'SIGKILL');
  await waitUntil(gone, { timeoutMs: 2_000 });
}

function isAlive(target: Process): boolean {
  return processIdentity(target.pid) === target.identity;
}

/** A process as the files know it. */
export function describeProcess(pid: number): Process {
  return { pid, identity: processIdentity(pid) ?? 'ended' };
}
