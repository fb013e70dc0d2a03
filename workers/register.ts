import { hostname } from 'node:os';
import { DelayedError, UnrecoverableError, Worker, type Job } from 'bullmq';
import { AppError, oneLine } from '../src/base/errors.ts';
import { log, type Logger } from '../src/base/log.ts';
import { CATALOGUE, type Payload, type QueueDefinition, type QueueName } from '../queues/catalogue.ts';
import { checkPayload } from '../queues/producer.ts';
import { limiterFor } from '../queues/limiter.ts';
import type { WorkerContext } from './context.ts';

/** What a processor gets beside its payload. */
export interface JobContext {
  readonly job: Job;
  /** Aborted when the worker loses the job or is told to stop at once. */
  readonly signal: AbortSignal | undefined;
}

/** Does one job; its small result is kept on the job for the board. */
export type Processor<Name extends QueueName> = (
  payload: Payload<Name>,
  context: JobContext,
) => Promise<Record<string, unknown>>;

/** A killed worker's jobs are taken up again after at most lock + check. */
const LOCK_MS = 6_000;
const STALLED_CHECK_MS = 2_500;
/** A job may lose its worker many times (deploys, crashes): that is no fault of the job. */
const MAX_STALLS = 50;
/** Kept on each job as its `processedBy`: which replica did it. */
const REPLICA = `${hostname()}:${process.pid}`;
/** The same trouble is logged once in this time. */
const REPEAT_LOG_MS = 30_000;
/** Trouble is over when a job works this long after it was last met: not every job needs what is away. */
const QUIET_MS = 12_000;

/** The only place that makes a Worker: payload checks, error classes, locks and limits are the same for all. */
export function registerWorker<Name extends QueueName>(
  name: Name,
  processor: Processor<Name>,
  context: WorkerContext,
): Worker {
  const definition: QueueDefinition = CATALOGUE[name];
  const logger = log(name);
  const trouble = new TroubleLog(logger);
  const { concurrency } = definition;
  const limiter = limiterFor(name, context.config);

  const worker = new Worker(
    name,
    async (job: Job, token?: string, signal?: AbortSignal) => {
      try {
        const result = await processor(checkPayload(name, job.data), { job, signal });
        trouble.over();
        return result;
      } catch (error) {
        if (definition.repeats === true && error instanceof AppError && error.retry === 'wait') {
          trouble.note(error.code, oneLine(error));
          return { givenUp: oneLine(error) };
        }
        throw await toJobError(error);
      }

      async function toJobError(error: unknown): Promise<Error> {
        const line = oneLine(error);
        if (!(error instanceof AppError)) {
          trouble.note('UNEXPECTED', line, error);
          return error instanceof Error ? error : new Error(line);
        }
        // A request that a stop broke off is no trouble.
        if (signal?.aborted !== true) trouble.note(error.code, line);
        if (error.retry === 'never') return new UnrecoverableError(line);
        if (error.retry === 'attempt') return new Error(line, { cause: error });
        await job.log(line);
        if (error.code === 'UPSTREAM_RATE_LIMITED' && limiter !== undefined) {
          // The whole queue holds still, on every replica: the API counts them together.
          await worker.rateLimit(pauseMs(error));
          return Worker.RateLimitError();
        }
        await job.moveToDelayed(Date.now() + pauseMs(error), token);
        return new DelayedError();
      }

      function pauseMs(error: AppError): number {
        const waits = job.attemptsStarted - job.attemptsMade - 1;
        const backoff = Math.min(definition.maxWaitMs, definition.backoffMs * 2 ** Math.min(waits, 20));
        // Half of it by chance, so that replicas do not come back together.
        return error.waitMs ?? backoff * (0.5 + Math.random() / 2);
      }
    },
    {
      connection: context.redis,
      prefix: context.config.redis.prefix,
      name: REPLICA,
      concurrency: typeof concurrency === 'function' ? concurrency(context.config) : concurrency,
      ...(limiter === undefined ? {} : { limiter }),
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: MAX_STALLS,
      metrics: { maxDataPoints: 24 * 60 },
    },
  );
  worker.on('error', (error) => {
    // While Redis is away the connection says so, once for all queues.
    if (context.redis.status === 'ready') trouble.note('WORKER', oneLine(error));
  });
  worker.on('failed', (job, error) => {
    // A job that comes again by schedule needs no retry; its trouble is said above.
    if (job?.finishedOn === undefined || definition.repeats === true) return;
    logger.error(
      { jobId: job.id },
      `Job ${job.name} is left in failed: ${oneLine(error)}. Retry it on the board.`,
    );
  });
  worker.on('stalled', (jobId) => logger.warn({ jobId }, 'A job lost its worker and is taken up again.'));
  return worker;
}

/** Says each kind of trouble once, not once a job, and says when it is over. */
class TroubleLog {
  readonly #logger: Logger;
  readonly #lastLogged = new Map<string, number>();
  #lastMet = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  note(code: string, line: string, error?: unknown): void {
    const now = Date.now();
    this.#lastMet = now;
    if (now - (this.#lastLogged.get(code) ?? 0) < REPEAT_LOG_MS) return;
    this.#lastLogged.set(code, now);
    if (code === 'BACKPRESSURE') this.#logger.info(line);
    else this.#logger.warn({ code }, line);
    if (error !== undefined) this.#logger.debug({ err: error }, 'with its stack');
  }

  over(): void {
    if (this.#lastLogged.size === 0 || Date.now() - this.#lastMet < QUIET_MS) return;
    const codes = [...this.#lastLogged.keys()].filter((code) => code !== 'BACKPRESSURE');
    this.#lastLogged.clear();
    if (codes.length > 0) this.#logger.info(`Works again after ${codes.join(', ')}.`);
  }
}
