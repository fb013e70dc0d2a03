import type { EncodedRows } from './batch.ts';

/** About what an order event takes; where it does not do, the room grows. */
const BYTES_A_ROW = 640;
/** UTF-8 takes at most so many bytes for a character of a JavaScript string. */
const BYTES_A_CHARACTER = 3;

/**
 * Rows of a page on their way to an insert, as UTF-8 outside of JavaScript's heap. As texts they would be copied by the
 * garbage collector again and again while the page waits for its insert: half of all that it copied.
 */
export class RowBuffer {
  #bytes: Buffer;
  #used = 0;
  #count = 0;

  /** @param rows how many are expected */
  constructor(rows: number) {
    this.#bytes = Buffer.allocUnsafeSlow(rows * BYTES_A_ROW);
  }

  /** @param row one line of JSONCompactEachRow, without its end */
  add(row: string): void {
    const line = `${row}\n`;
    const needed = this.#used + line.length * BYTES_A_CHARACTER;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#used += this.#bytes.write(line, this.#used);
    this.#count += 1;
  }

  encoded(): EncodedRows {
    return { count: this.#count, lines: this.#bytes.subarray(0, this.#used) };
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }
}
