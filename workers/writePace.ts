/** An insert is given up after this, as long as ClickHouse keeps up. Milliseconds. */
const USUAL_MS = 30_000;
const LONGEST_MS = 240_000;

/**
 * How much goes into one insert, and how long it may take. After an insert that did not work the next one is half as
 * large, after one that worked twice as large: so whatever is too much (for the memory, for a gateway, for the time) is
 * found without knowing what it is. A server that answers, but too slowly, is given more time.
 */
export class WritePace {
  readonly #mostRows: number;
  readonly #usualMs: number;
  readonly #longestMs: number;
  #rows: number;
  #insertMs: number;

  /** @param usualMs for tests */
  constructor(mostRows: number, usualMs = USUAL_MS) {
    this.#mostRows = mostRows;
    this.#usualMs = usualMs;
    this.#longestMs = (LONGEST_MS / USUAL_MS) * usualMs;
    this.#rows = mostRows;
    this.#insertMs = usualMs;
  }

  /** Rows of one insert at most. */
  get rows(): number {
    return this.#rows;
  }

  /** Milliseconds until an insert is given up. */
  get insertMs(): number {
    return this.#insertMs;
  }

  /** @param tookMs what the batch took */
  worked(tookMs: number): void {
    this.#rows = Math.min(this.#mostRows, this.#rows * 2);
    this.#insertMs = this.#within(tookMs * 2);
  }

  /** @param tooSlow it ran out of time, at a server that is there */
  failed(tooSlow: boolean): void {
    this.#rows = Math.max(1, Math.floor(this.#rows / 2));
    if (tooSlow) this.#insertMs = this.#within(this.#insertMs * 2);
  }

  #within(ms: number): number {
    return Math.min(this.#longestMs, Math.max(this.#usualMs, Math.ceil(ms)));
  }
}
