import { oneLine } from '../base/errors.ts';

/** A value is kept for this many times the time it took to compute, so that watching costs little at any size. */
const KEEP_FACTOR = 20;
const SHORTEST_KEEP_MS = 1_000;
/** A failure, however long it took, is tried again after this at the latest. */
const LONGEST_FAILURE_KEEP_MS = 60_000;

/** Runs tasks one after another. */
export class Lane {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const next = this.#last.then(task);
    this.#last = next.catch(() => undefined);
    return next;
  }
}

/** A value that is computed again when somebody asks and it is old; the last known one stays readable meanwhile. */
export class Refreshed<T> {
  readonly #compute: () => Promise<T>;
  readonly #lane: Lane;
  #latest: T | undefined;
  #problem: string | undefined;
  #dueAt = 0;
  #running: Promise<void> | undefined;

  constructor(compute: () => Promise<T>, lane = new Lane()) {
    this.#compute = compute;
    this.#lane = lane;
  }

  /** The last value that could be computed. */
  get latest(): T | undefined {
    return this.#latest;
  }

  /** Why the last computation failed; undefined when it did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Computes the value if it is due. Resolves when that is done; never rejects. */
  async refresh(): Promise<void> {
    if (this.#running === undefined && performance.now() < this.#dueAt) return;
    this.#running ??= this.#lane
      .run(() => this.#measure())
      .finally(() => {
        this.#running = undefined;
      });
    await this.#running;
  }

  async #measure(): Promise<void> {
    const startedAt = performance.now();
    let longest = Infinity;
    try {
      this.#latest = await this.#compute();
      this.#problem = undefined;
    } catch (error) {
      this.#problem = oneLine(error);
      longest = LONGEST_FAILURE_KEEP_MS;
    }
    const endedAt = performance.now();
    const keepMs = Math.max(SHORTEST_KEEP_MS, (endedAt - startedAt) * KEEP_FACTOR);
    this.#dueAt = endedAt + Math.min(keepMs, longest);
  }
}
