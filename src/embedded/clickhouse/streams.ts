import { Worker } from 'node:worker_threads';
import { nativeLoader } from './native.ts';

export interface StreamOrder {
  /** The engine's data directory and arguments. */
  readonly path: string;
  readonly args: readonly string[];
  /** Statements that set up the connection. */
  readonly prelude: readonly string[];
  readonly sql: string;
  readonly format: string;
}

type ToWorker = { readonly run: StreamOrder } | { readonly next: boolean };
type FromWorker =
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly rows: number }
  | { readonly error: string }
  | { readonly closed: true };

export interface Chunk {
  readonly bytes: Buffer;
  readonly rows: number;
}

/** The threads for streamed queries; one is made when none is free, and kept. */
export class StreamThreads {
  readonly #idle: Worker[] = [];

  /** Starts a thread ahead of the first query. */
  warm(): void {
    this.#idle.push(start());
  }

  /**
   * Runs one query and yields its result in the engine's blocks; the consumer's pace is the engine's. Ending early cancels it.
   * @throws Error with the engine's message.
   */
  async *run(order: StreamOrder): AsyncGenerator<Chunk, void, void> {
    const worker = this.#idle.pop() ?? start();
    const inbox = new Inbox(worker);
    let open = true;
    try {
      inbox.send({ run: order });
      for (;;) {
        const message = await inbox.next();
        if ('closed' in message) {
          open = false;
          return;
        }
        if ('error' in message) throw new Error(message.error);
        yield { bytes: Buffer.from(message.bytes.buffer), rows: message.rows };
        inbox.send({ next: true });
      }
    } finally {
      if (open) await inbox.untilClosed();
      inbox.detach();
      this.#idle.push(worker);
    }
  }
}

function start(): Worker {
  const worker = new Worker(new URL('./streamThread.mjs', import.meta.url), {
    execArgv: [],
    workerData: { loader: nativeLoader() },
  });
  worker.unref();
  return worker;
}

/** The messages of one worker, in order, one at a time. */
class Inbox {
  readonly #worker: Worker;
  readonly #messages: FromWorker[] = [];
  #failed = false;
  #wake: (() => void) | undefined;
  readonly #onMessage = (message: FromWorker): void => {
    if ('error' in message) this.#failed = true;
    this.#messages.push(message);
    this.#wake?.();
  };

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', this.#onMessage);
  }

  send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  async next(): Promise<FromWorker> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async untilClosed(): Promise<void> {
    // After an error the thread closes by itself.
    if (!this.#failed) this.send({ next: false });
    while (!('closed' in (await this.next())));
  }

  detach(): void {
    this.#worker.off('message', this.#onMessage);
  }
}
