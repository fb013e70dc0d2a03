import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isLines } from './formats.ts';

/** A body: its first bytes, and the rest where there is more. */
export interface Body {
  readonly head: Buffer;
  readonly rest: AsyncIterable<Buffer> | undefined;
}

/** Reads a body until its end, or until it holds more than the given number of bytes. */
export async function collect(data: AsyncIterable<Buffer>, maxBytes: number): Promise<Body> {
  const source = data[Symbol.asyncIterator]();
  const pieces: Buffer[] = [];
  let size = 0;
  while (size <= maxBytes) {
    const next = await source.next();
    if (next.done === true) return { head: Buffer.concat(pieces), rest: undefined };
    pieces.push(next.value);
    size += next.value.length;
  }
  return { head: Buffer.concat(pieces), rest: { [Symbol.asyncIterator]: () => source } };
}

const EMPTY_LINE = Buffer.from('\n\n');

/** Whether the engine reads such data behind the statement to its end: it stops at an empty line. */
export function isSafeInline(format: string, data: Buffer): boolean {
  return isLines(format) && data[0] !== EMPTY_LINE[0] && !data.includes(EMPTY_LINE);
}

/** Bodies on disk while they are inserted. */
export class Spool {
  readonly #directory: string;

  /** @param directory made anew: what a killed process left there goes. */
  constructor(directory: string) {
    this.#directory = directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
  }

  /** Writes a body to a file of its own. @returns its path */
  async write(body: Body): Promise<string> {
    const file = join(this.#directory, randomUUID());
    try {
      await pipeline(Readable.from(all(body)), createWriteStream(file));
    } catch (error) {
      await this.remove(file);
      throw error;
    }
    return file;
  }

  async remove(file: string): Promise<void> {
    await rm(file, { force: true });
  }
}

async function* all(body: Body): AsyncGenerator<Buffer, void, void> {
  yield body.head;
  if (body.rest !== undefined) yield* body.rest;
}
