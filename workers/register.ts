import { hostname } from 'node:os';
import { DelayedError, UnrecoverableError, Worker, type Job } from 'bullmq';
import { AppError, oneLine } from '../src/base/errors.ts';
import { log, type Logger } from '../src/base/log.ts';
import { isRecord } from '../src/domain/fields.ts';
import {
  CATALOGUE,
  concurrencyOf,
  type Payload,
  type QueueDefinition,
  type QueueName,
} from '../queues/catalogue.ts';
import { isPageQueue } from '../queues/backlog.ts';
import { checkPayload, isPayloadProblem } from '../queues/producer.ts';
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
/** How long a worker takes a hold of its queue for granted: its clock may have been set back since. Milliseconds. */
const LONGEST_HOLD_MS = 5_000;
/** Kept on each job as its `processedBy`: which replica did it. */
const REPLICA = `${hostname()}:${process.pid}`;
/** The same trouble is logged once in this time. */
const REPEAT_LOG_MS = 30_000;
/** States that last, not said again before they are over. */
const SAID_ONCE: ReadonlySet<string> = new Set(['CIRCUIT_OPEN']);
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
  const limiter = limiterFor(name, context.config);

  const worker = new Worker(
    name,
    async (job: Job, token?: string, signal?: AbortSignal) => {
      try {
        const result = await processor(checkPayload(name, job.data), { job, signal });
        trouble.over();
        return result;
      } catch (error) {
        if (definition.repeats === true && error instanceof AppError && error.retry !== 'never') {
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
          await holdQueue(pauseMs(error));
          return Worker.RateLimitError();
        }
        await job.moveToDelayed(Date.now() + pauseMs(error), token);
        return new DelayedError();
      }

      /** The whole queue holds still, on every replica: the API counts them together. */
      async function holdQueue(ms: number): Promise<void> {
        // Another answer may have named a longer time.
        const heldMs = await context.queues.get(name).getRateLimitTtl();
        if (heldMs < ms) await worker.rateLimit(ms);
      }

      function pauseMs(error: AppError): number {
        return error.waitMs ?? growingPause(definition, waitsOf(job) - movedAt(job));
      }
    },
    {
      connection: context.redis,
      prefix: context.config.redis.prefix,
      name: REPLICA,
      concurrency: concurrencyOf(name, context.config),
      ...(limiter === undefined ? {} : { limiter }),
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: MAX_STALLS,
      maximumRateLimitDelay: LONGEST_HOLD_MS,
      settings: { backoffStrategy: (attemptsMade) => growingPause(definition, attemptsMade - 1) },
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
      `Job ${job.name} is left in failed: ${oneLine(error).replace(/\.$/, '')}. ${outlook(name, error)}`,
    );
  });
  worker.on('stalled', (jobId) => logger.warn({ jobId }, 'A job lost its worker and is taken up again.'));
  return worker;
}

/** What becomes of a job that is left in `failed` (failedPages.ts). */
function outlook(name: QueueName, error: Error): string {
  if (isPayloadProblem(error.message)) return 'It can never work.';
  if (!isPageQueue(name)) return 'A later one makes up for it.';
  return 'It is tried again by itself from two minutes on, and at once when you retry it on the board.';
}

/**
 * For a job that has done a part of its work for good and then met trouble: it waits as after its first try. Its tries
 * before were for what is done.
 */
export async function movedOn(job: Job): Promise<void> {
  await job.updateProgress({ waits: waitsOf(job) });
}

/** Tries before this one that ended in waiting. */
function waitsOf({ attemptsStarted, attemptsMade }: Job): number {
  return attemptsStarted - attemptsMade - 1;
}

/** Those of them before the job moved on. */
function movedAt({ progress }: Job): number {
  const waits = isRecord(progress) ? progress['waits'] : undefined;
  return typeof waits === 'number' ? waits : 0;
}

/**
 * Doubles with each try before, up to the queue's longest; half of it by chance, so that replicas do not come back
 * together. Whole milliseconds: Redis takes no others.
 */
function growingPause({ backoffMs, maxWaitMs }: QueueDefinition, triesBefore: number): number {
  const longest = Math.min(maxWaitMs, backoffMs * 2 ** Math.min(triesBefore, 20));
  return Math.ceil(longest * (0.5 + Math.random() / 2));
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
    const now = performance.now();
    this.#lastMet = now;
    const repeatMs = SAID_ONCE.has(code) ? Infinity : REPEAT_LOG_MS;
    if (now - (this.#lastLogged.get(code) ?? -Infinity) < repeatMs) return;
    this.#lastLogged.set(code, now);
    if (code === 'BACKPRESSURE') this.#logger.info(line);
    else this.#logger.warn({ code }, line);
    if (error !== undefined) this.#logger.debug({ err: error }, 'with its stack');
  }

  over(): void {
    if (this.#lastLogged.size === 0 || performance.now() - this.#lastMet < QUIET_MS) return;
    const codes = [...this.#lastLogged.keys()].filter((code) => code !== 'BACKPRESSURE');
    this.#lastLogged.clear();
    if (codes.length > 0) this.#logger.info(`Works again after ${codes.join(', ')}.`);
  }
}
