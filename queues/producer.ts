import { Queue, type JobsOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { AppError } from '../src/base/errors.ts';
import { readBacklog, type Backlog } from './backlog.ts';
import { CATALOGUE, QUEUE_NAMES, type Payload, type QueueName } from './catalogue.ts';
import { byMember } from './scores.ts';

const OTHER_SHAPE = 'has data of another shape';

/** Job data that does not have the shape of its queue. */
export class PayloadError extends AppError {
  constructor(queue: string, problem: string) {
    super('PAYLOAD', `A job for ${queue} ${OTHER_SHAPE}: ${problem}`, { retry: 'never' });
  }
}

/** Whether a failed job's reason is a PayloadError: no retry helps. */
export function isPayloadProblem(failedReason: string): boolean {
  return failedReason.includes(OTHER_SHAPE);
}

export interface AddOptions {
  /** Deterministic: a second add with the same id, while the first job is still kept, adds nothing. */
  readonly jobId: string;
  readonly priority?: number;
  /** Not before this many milliseconds. */
  readonly delayMs?: number;
  /** While a job with the same one is not finished, another is not added. */
  readonly onlyOne?: string;
}

/** The queues of the catalogue: the only place where jobs are added. */
export class Queues {
  readonly #queues: ReadonlyMap<QueueName, Queue>;
  readonly #connection: Redis;

  constructor(connection: Redis, prefix: string) {
    this.#connection = connection;
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
    const { onlyOne, delayMs, ...rest } = options;
    await this.get(name).add(jobName, checkPayload(name, payload), {
      ...rest,
      ...(delayMs === undefined ? {} : { delay: delayMs }),
      ...(onlyOne === undefined ? {} : { deduplication: { id: onlyOne } }),
    });
  }

  /** When each scheduler of a queue runs next, by its id, in milliseconds. */
  async nextRuns(name: QueueName): Promise<Map<string, number>> {
    const found = await this.#connection.zrangebyscore(
      this.get(name).toKey('repeat'),
      '-inf',
      '+inf',
      'WITHSCORES',
    );
    return byMember(found);
  }

  /** Pages between their fetch and ClickHouse; with pauseReason, whether fetching goes on. */
  async queuedPages(): Promise<Backlog> {
    return await readBacklog(this.#connection, this);
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
  const { attempts, keepCompleted, keepFailed } = CATALOGUE[name];
  return {
    attempts,
    // Which pauses these are is decided by the workers (workers/register.ts).
    backoff: { type: 'growing' },
    removeOnComplete: { count: keepCompleted },
    removeOnFail: keepFailed === 'all' ? false : { count: keepFailed },
    keepLogs: 50,
    stackTraceLimit: 5,
  };
}
