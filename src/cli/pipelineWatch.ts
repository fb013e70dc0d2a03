import type { OrderSource } from '../base/config.ts';
import type { Queues } from '../../queues/producer.ts';
import type { SourceStates } from '../../queues/sourceState.ts';
import type { QueueName } from '../../queues/catalogue.ts';

/** Milliseconds. */
const LOOK_EVERY_MS = 3_000;
const STANDS_AFTER_MS = 10_000;

export interface WatchParts {
  readonly queues: Queues;
  readonly states: SourceStates;
  readonly source: OrderSource;
  /** Through which the source is asked. */
  readonly fetchQueue: QueueName;
  readonly print: (line: string) => void;
}

/** Says in a line what a command waits for; the same line once, as long as it lasts. */
export class PipelineWatch {
  readonly #queues: Queues;
  readonly #states: SourceStates;
  readonly #source: OrderSource;
  readonly #needed: readonly QueueName[];
  readonly #print: (line: string) => void;
  #said: string | undefined;
  #lookedAt = -Infinity;
  #withoutWorkers = 0;
  #left: { readonly amount: number; readonly since: number } | undefined;

  constructor({ queues, states, source, fetchQueue, print }: WatchParts) {
    this.#queues = queues;
    this.#states = states;
    this.#source = source;
    this.#needed = [fetchQueue, 'orders'];
    this.#print = print;
  }

  say(line: string): void {
    if (line !== this.#said) this.#print(line);
    this.#said = line;
  }

  /** Says why pieces were lost, where a job in failed tells. */
  lost(pieces: readonly { readonly reason: string | undefined }[]): void {
    for (const { reason } of pieces) {
      if (reason !== undefined) this.say(`A piece is begun anew, its job is in failed: ${reason}`);
    }
  }

  /**
   * Looks every few seconds whether workers are there, and, where nothing has moved, why.
   * @param left a measure of what is still to be done
   */
  async look(left: number): Promise<void> {
    const now = performance.now();
    if (this.#left?.amount !== left) this.#left = { amount: left, since: now };
    if (now - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#lookedAt = now;
    const idle = await this.#queuesWithoutWorkers();
    // A worker that has just lost its connection is back by the next look.
    this.#withoutWorkers = idle.length === 0 ? 0 : this.#withoutWorkers + 1;
    if (this.#withoutWorkers > 1) {
      this.say(
        `No worker takes jobs of ${idle.join(' and ')} (npm start, or npm run workers): waiting for one.`,
      );
    } else if (now - this.#left.since >= STANDS_AFTER_MS) {
      const { problem } = await this.#states.read(this.#source);
      if (problem !== undefined) this.say(`Waiting. The last problem with ${this.#source}: ${problem}`);
    } else if (this.#withoutWorkers === 0) {
      this.#said = undefined;
    }
  }

  async #queuesWithoutWorkers(): Promise<QueueName[]> {
    const counts = await Promise.all(this.#needed.map((name) => this.#queues.get(name).getWorkersCount()));
    return this.#needed.filter((_, index) => counts[index] === 0);
  }
}
