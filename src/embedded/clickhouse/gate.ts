export type Release = () => void;
export type Lane = 'read' | 'write';

interface Waiter {
  readonly lane: Lane;
  readonly grant: () => void;
}

/**
 * Bounds how many statements run at once, first come first served. Reads leave one place free, so that slow ones never
 * hold up inserts.
 */
export class Gate {
  readonly #places: number;
  readonly #waiting: Waiter[] = [];
  #running = 0;
  #reads = 0;
  #idle: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
  }

  /** Waits for a place; the signal gives up waiting (rejects with its reason). */
  async enter(lane: Lane, signal: AbortSignal): Promise<Release> {
    signal.throwIfAborted();
    if (!this.#admits(lane) || this.#waiting.some((waiter) => waiter.lane === lane)) {
      await this.#wait(lane, signal);
    } else {
      this.#take(lane);
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#running--;
      if (lane === 'read') this.#reads--;
      this.#grantNext();
    };
  }

  /** Resolves once nothing runs. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #admits(lane: Lane): boolean {
    if (this.#running >= this.#places) return false;
    return lane === 'write' || this.#reads < Math.max(1, this.#places - 1);
  }

  #take(lane: Lane): void {
    this.#running++;
    if (lane === 'read') this.#reads++;
  }

  #wait(lane: Lane, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      const waiter: Waiter = {
        lane,
        grant: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #grantNext(): void {
    for (;;) {
      const at = this.#waiting.findIndex((waiter) => this.#admits(waiter.lane));
      const waiter = this.#waiting[at];
      if (waiter === undefined) break;
      this.#waiting.splice(at, 1);
      this.#take(waiter.lane);
      waiter.grant();
    }
    if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
