import { randomBytes } from 'node:crypto';
import { appendFileSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The files in which the embedded Redis keeps what it holds (`DATA_DIR/redis/appendonlydir`), as a crash of the machine
 * may leave them. Everything is done at once: Redis is away only for a moment.
 */

/** The part that Redis appends to; undefined where there is none. */
export function newestPart(dataDir: string): string | undefined {
  const dir = folder(dataDir);
  try {
    const parts = readdirSync(dir).flatMap((file) => {
      const number = /\.(\d+)\.incr\.aof$/.exec(file)?.[1];
      return number === undefined ? [] : [{ file, number: Number(number) }];
    });
    const newest = parts.sort((a, b) => b.number - a.number)[0];
    return newest === undefined ? undefined : join(dir, newest.file);
  } catch {
    return undefined;
  }
}

export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** What was written since the file had that size is lost; of a file that has been begun since, its second half is. */
export function cutToSize(dataDir: string, size: number): void {
  const file = newestPart(dataDir);
  if (file === undefined) return;
  const now = sizeOf(file);
  truncateSync(file, now >= size ? size : Math.floor(now / 2));
}

export function appendGarbage(dataDir: string): void {
  const file = newestPart(dataDir);
  if (file !== undefined) appendFileSync(file, randomBytes(1_000));
}

export function deleteAll(dataDir: string): void {
  rmSync(folder(dataDir), { recursive: true, force: true });
}

function folder(dataDir: string): string {
  return join(dataDir, 'redis', 'appendonlydir');
}
