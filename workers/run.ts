import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'bullmq';
import type { Config } from '../src/base/config.ts';
import { log, type Logger } from '../src/base/log.ts';
import { onceFit, schemaReady } from '../src/store/ready.ts';
import { checkScope, noteScope } from '../src/store/scope.ts';
import type { QueueName } from '../queues/catalogue.ts';
import { promoteMisdated } from '../queues/delayed.ts';
import { putSchedulers, restoreSchedulers } from '../queues/schedulers.ts';
import { closeContext, createContext, type WorkerContext } from './context.ts';
import { fetchGamma } from './fetch.gamma.ts';
import { fetchGoldsky } from './fetch.goldsky.ts';
import { fetchHypersync } from './fetch.hypersync.ts';
import { fetchPolygon } from './fetch.polygon.ts';
import { markets } from './markets.ts';
import { orders } from './orders.ts';
import { registerWorker } from './register.ts';
import { ticks } from './ticks.ts';
import { writes } from './writes.ts';

/** Milliseconds that running jobs get to finish; what is left then is taken up by another replica. */
const STOP_MS = 10_000;
const STOP_WITHOUT_REDIS_MS = 1_000;
/** How soon the polls go on after Redis was emptied or a clock was set back, in milliseconds. */
const RESTORE_EVERY_MS = 5_000;

/**
 * Runs the workers of the given queues until the signal is aborted, then stops: no new jobs, running ones finish,
 * held rows are written. Nothing depends on that: what a killed worker held is done again.
 */
export async function runWorkers(
  config: Config,
  queueNames: readonly QueueName[],
  signal: AbortSignal,
  ready: () => void = () => undefined,
): Promise<void> {
  const logger = log('workers');
  const context = createContext(config);
  try {
    await untilAborted(schemaReady(context.database, logger, signal), signal);
    await untilAborted(
      onceFit(() => scopeReady(context, logger), logger, signal),
      signal,
    );
    await untilAborted(putSchedulers(context.queues, config), signal);
    const workers = queueNames.map((name) => startWorker(name, context));
    await untilAborted(Promise.all(workers.map((worker) => worker.waitUntilReady())), signal);
    logger.info(`Working on ${queueNames.join(', ')}.`);
    ready();
    void keepSchedulers(context, signal);
    await aborted(signal);
    logger.info('Stopping: running jobs finish, no new ones start.');
    await stop(context, workers);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await within(closeContext(context), STOP_WITHOUT_REDIS_MS);
  }
}

function startWorker(name: QueueName, context: WorkerContext): Worker {
  switch (name) {
    case 'ticks':
      return registerWorker(name, ticks(context), context);
    case 'fetch.gamma':
      return registerWorker(name, fetchGamma(context), context);
    case 'fetch.goldsky':
      return registerWorker(name, fetchGoldsky(context), context);
    case 'fetch.polygon':
      return registerWorker(name, fetchPolygon(context), context);
    case 'fetch.hypersync':
      return registerWorker(name, fetchHypersync(context), context);
    case 'markets':
      return registerWorker(name, markets(context), context);
    case 'orders':
      return registerWorker(name, orders(context), context);
    case 'writes':
      return registerWorker(name, writes(context), context);
  }
}

/** No fill is read from two sources; a change of the exchanges is said. @throws AppError SCOPE */
async function scopeReady({ database, config }: WorkerContext, logger: Logger): Promise<void> {
  await checkScope(database, config);
  if (!config.orderSources.includes('polygon')) return;
  const change = await noteScope(database, config.polygon);
  if (change === undefined || change.added.length === 0) return;
  logger.warn(
    `EXCHANGE_ADDRESSES has new exchanges: polygon reads ${change.added.join(', ')} from block ${change.from} on. Their earlier fills are not in this database.`,
  );
}

/** Never fails: while Redis is away there is nothing to restore. */
async function keepSchedulers(context: WorkerContext, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(RESTORE_EVERY_MS, undefined, { signal })
      .then(() => restoreSchedulers(context.queues, context.config))
      .then(() => promoteMisdated(context.redis, context.queues))
      .catch(() => undefined);
  }
}

async function stop(context: WorkerContext, workers: readonly Worker[]): Promise<void> {
  // A request under way may take half a minute: its job is handed back instead.
  for (const worker of workers) if (worker.name.startsWith('fetch.')) worker.cancelAllJobs();
  context.writer.hurry();
  // Without Redis no job can be finished or handed back: its lock runs out, and another worker takes it up.
  const ms = context.redis.status === 'ready' ? STOP_MS : STOP_WITHOUT_REDIS_MS;
  await within(Promise.all(workers.map((worker) => worker.close())), ms);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Redis commands wait for Redis without end, and ClickHouse may hang; a stop must not. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return await Promise.race([
    promise,
    aborted(signal).then(() => {
      throw signal.reason as Error;
    }),
  ]);
}

/** Waits for the promise, but no longer than that. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  const late = new AbortController();
  await Promise.race([promise, sleep(ms, undefined, { signal: late.signal }).catch(() => undefined)]);
  late.abort();
}
