import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files by which the clocks of the workers are set wrong (clock.mjs). */
export class Clocks {
  readonly #dir: string;

  constructor(dataDir: string) {
    this.#dir = join(dataDir, 'clocks');
    mkdirSync(this.#dir, { recursive: true });
  }

  /** @param ms how far the worker's clock is ahead; 0 sets it right */
  set(worker: string, ms: number): void {
    const file = clockFile(this.#dir, worker);
    writeFileSync(`${file}.new`, String(ms));
    renameSync(`${file}.new`, file);
  }

  get dir(): string {
    return this.#dir;
  }
}

export function clockFile(dir: string, worker: string): string {
  return join(dir, worker);
}
