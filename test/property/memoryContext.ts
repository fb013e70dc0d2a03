import type { Job } from 'bullmq';
import { UpstreamError } from '../../src/sources/upstreamError.ts';
import type { GammaSource } from '../../src/sources/gamma.ts';
import type { GoldskySource } from '../../src/sources/goldsky.ts';
import type { Payload, QueueName } from '../../queues/catalogue.ts';
import type { Write } from '../../workers/writes.ts';
import { checkPayload, type AddOptions } from '../../queues/producer.ts';
import type { SourceState } from '../../queues/sourceState.ts';
import type { WorkerContext } from '../../workers/context.ts';
import type { Processor } from '../../workers/register.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

export interface MemoryJob {
  readonly name: QueueName;
  readonly id: string;
  data: unknown;
}

interface Sources {
  readonly goldsky?: GoldskySource;
  readonly gamma?: GammaSource;
}

/** The worker is killed. */
export class Crash extends Error {}

/** Longer than any upstream trouble that a test makes lasts. */
const MOST_TRIES = 100;

/**
 * A worker's context without Redis and ClickHouse: jobs go through JSON as they do in Redis and wait in a list, nothing
 * is stored, no token is known. What processors ask of it is what it has.
 */
export class MemoryContext {
  /** Every job that was added, the oldest first. */
  readonly jobs: MemoryJob[] = [];
  /** What was written without a job of its own, the oldest first. */
  readonly written: Write[] = [];
  readonly #ids = new Set<string>();
  #state: Partial<SourceState> = {};
  #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** From now on these are asked. */
  use(sources: Sources): void {
    this.#sources = sources;
  }

  /** Where the order source stands. */
  get state(): Partial<SourceState> {
    return this.#state;
  }

  set state(state: Partial<SourceState>) {
    this.#state = state;
  }

  /** Numbers of the steps (something added, something kept) at which the worker is killed: before it, or just after. */
  crashes: ReadonlySet<number> = new Set();
  #steps = 0;

  readonly context = this.#make();

  /** Payloads of the jobs of a queue that were added since the last time, in their order. */
  take<Name extends QueueName>(name: Name): { readonly id: string; readonly payload: Payload<Name> }[] {
    const taken = this.jobs.filter((job) => job.name === name);
    this.jobs.splice(0, this.jobs.length, ...this.jobs.filter((job) => job.name !== name));
    return taken.map(({ id, data }) => ({ id, payload: data as Payload<Name> }));
  }

  /** Does a job, again and again while an upstream's trouble may pass. @throws what is no such trouble */
  async run<Name extends QueueName>(
    processor: Processor<Name>,
    name: Name,
    job: { readonly id: string; readonly payload: Payload<Name> },
    mostTries = MOST_TRIES,
  ): Promise<Record<string, unknown>> {
    let data: unknown = job.payload;
    const updateData = (changed: unknown) => {
      data = throughJson(changed);
      return Promise.resolve();
    };
    let tries = 1;
    // It has moved on: its tries are counted anew.
    const updateProgress = () => {
      tries = 0;
      return Promise.resolve();
    };
    const bull = { id: job.id, opts: {}, updateData, updateProgress } as unknown as Job;
    for (; ; tries++) {
      try {
        return await processor(checkPayload(name, data), { job: bull, signal: undefined });
      } catch (error) {
        const mayPass = error instanceof UpstreamError && error.retry !== 'never';
        if (!mayPass || tries >= mostTries) throw error;
      }
    }
  }

  /** Something that outlives the worker. */
  async #step<T>(act: () => T): Promise<T> {
    const step = this.#steps++;
    const isKilled = this.crashes.has(step);
    if (isKilled && step % 2 === 0) throw new Crash();
    const result = act();
    await Promise.resolve();
    if (isKilled) throw new Crash();
    return result;
  }

  #make(): WorkerContext {
    const made = {
      // Without limits: turns are in Redis.
      config: testConfig(testEnvironment({ GOLDSKY_REQUESTS_PER_10S: '0', GAMMA_REQUESTS_PER_10S: '0' })),
      queues: {
        add: (name: QueueName, _jobName: string, payload: unknown, { jobId }: AddOptions) =>
          this.#step(() => {
            // What BullMQ refuses.
            if (jobId.includes(':') || /^\d+$/.test(jobId)) throw new Error(`no job id: ${jobId}`);
            const id = `${name} ${jobId}`;
            if (this.#ids.has(id)) return;
            this.#ids.add(id);
            this.jobs.push({ name, id: jobId, data: throughJson(checkPayload(name, payload)) });
          }),
        queuedPages: () => Promise.resolve({ onTheirWay: 0, failed: 0, bytes: 0 }),
      },
      database: { rows: () => Promise.resolve([]) },
      breakers: { guarded: (_api: string, request: () => Promise<unknown>) => request() },
      sources: {
        read: () => Promise.resolve({ life: 'first', ...this.#state }),
        update: (_source: string, change: Partial<SourceState>) =>
          this.#step(() => {
            this.#state = { ...this.#state, ...change };
          }),
        advance: (_source: string, expected: Partial<SourceState>, change: Partial<SourceState>) =>
          this.#step(() => {
            const { chainId, cursor } = this.#state;
            const isSame = JSON.stringify(cursor) === JSON.stringify(expected.cursor);
            if (chainId !== expected.chainId || !isSame) return false;
            this.#state = { ...this.#state, ...change };
            return true;
          }),
      },
      sweeps: {
        read: () => Promise.resolve({}),
        update: () => Promise.resolve(),
        noteSeen: () => Promise.resolve(),
        notSeen: () => Promise.resolve([]),
        forgetSeen: () => Promise.resolve(),
      },
      lookups: { note: () => Promise.resolve() },
      labels: { find: () => Promise.resolve(new Map()) },
      // What Redis would give is what is taken.
      freshPages: { note: () => undefined, take: () => undefined },
      storedPages: {
        idsOf: () => Promise.resolve(undefined),
        written: () => Promise.resolve(''),
        note: () => undefined,
      },
      writer: {
        write: (rows: Write) =>
          this.#step(() => {
            this.written.push(rows);
          }),
      },
    };
    return Object.defineProperties(made, {
      goldsky: { get: () => this.#sources.goldsky },
      gamma: { get: () => this.#sources.gamma },
    }) as unknown as WorkerContext;
  }
}

function throughJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
