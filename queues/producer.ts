import { Queue, type JobsOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { AppError } from '../src/base/errors.ts';
import { CATALOGUE, QUEUE_NAMES, type Payload, type QueueName } from './catalogue.ts';

/** Job data that does not have the shape of its queue. */
export class PayloadError extends AppError {
  constructor(queue: string, problem: string) {
    super('PAYLOAD', `A job for ${queue} has data of another shape: ${problem}`, { retry: 'never' });
  }
}

export interface AddOptions {
  /** Deterministic: a second add with the same id, while the first job is still kept, adds nothing. */
  readonly jobId: string;
  readonly priority?: number;
  /** While a job with the same one is not finished, another is not added. */
  readonly onlyOne?: string;
}

/** The queues whose jobs hold pages. */
const PAGE_QUEUES = ['orders', 'markets', 'writes'] as const;

/** The queues of the catalogue: the only place where jobs are added. */
export class Queues {
  readonly #queues: ReadonlyMap<QueueName, Queue>;

  constructor(connection: Redis, prefix: string) {
    this.#queues = new Map(
      QUEUE_NAMES.map((name) => {
        const queue = new Queue(name, { connection, prefix, defaultJobOptions: jobOptions(name) });
        // The connection reports its own errors; without a listener they would end the process.
        queue.on('error', () => undefined);
        return [name, queue];
      }),
    );
  }

  /** The BullMQ queue, for what is not adding: counts, schedulers, the board. */
  get(name: QueueName): Queue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new PayloadError(name, 'there is no such queue');
    return queue;
  }

  all(): Queue[] {
    return [...this.#queues.values()];
  }

  /** @param jobName what the board shows beside the id */
  async add<Name extends QueueName>(
    name: Name,
    jobName: string,
    payload: Payload<Name>,
    options: AddOptions,
  ): Promise<void> {
    const { onlyOne, ...rest } = options;
    await this.get(name).add(jobName, checkPayload(name, payload), {
      ...rest,
      ...(onlyOne === undefined ? {} : { deduplication: { id: onlyOne } }),
    });
  }

  /** Pages between a fetch and ClickHouse: those on their way, and those left in `failed` with their data. */
  async queuedPages(): Promise<{ onTheirWay: number; failed: number }> {
    const total = async (...states: ('waiting' | 'active' | 'delayed' | 'prioritized' | 'failed')[]) => {
      const counts = await Promise.all(
        PAGE_QUEUES.map((name) => this.get(name).getJobCountByTypes(...states)),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    };
    return {
      onTheirWay: await total('waiting', 'active', 'delayed', 'prioritized'),
      failed: await total('failed'),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((queue) => queue.close()));
  }
}

/** @throws PayloadError */
export function checkPayload<Name extends QueueName>(name: Name, payload: unknown): Payload<Name> {
  const result = CATALOGUE[name].payload.safeParse(payload);
  if (result.success) return result.data as Payload<Name>;
  const issue = result.error.issues[0];
  throw new PayloadError(name, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
}

function jobOptions(name: QueueName): JobsOptions {
  const { attempts, backoffMs, keepCompleted, keepFailed } = CATALOGUE[name];
  return {
    attempts,
    backoff: { type: 'exponential', delay: backoffMs, jitter: 0.5 },
    removeOnComplete: { count: keepCompleted },
    removeOnFail: keepFailed === 'all' ? false : { count: keepFailed },
    keepLogs: 50,
    stackTraceLimit: 5,
  };
}
