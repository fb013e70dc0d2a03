import { AppError } from '../src/base/errors.ts';
import { pauseReason } from '../queues/backlog.ts';
import type { WorkerContext } from './context.ts';

const PAUSE_MS = 1_000;

/**
 * Why fetching pauses, in words for a person; undefined while it goes on.
 * @param share how full the queues behind it may be
 */
export async function whyFull({ queues, config }: WorkerContext, share = 1): Promise<string | undefined> {
  return pauseReason(await queues.queuedPages(), config, share);
}

/**
 * Holds a fetch back while the queues behind it are full: the upstream keeps the data, Redis need not.
 * @param share how full they may be for this one: past ranges leave room for the tail
 * @throws AppError BACKPRESSURE (wait)
 */
export async function holdWhileFull(context: WorkerContext, share = 1): Promise<void> {
  const reason = await whyFull(context, share);
  if (reason === undefined) return;
  // Partly by chance, so that those held back do not come back together.
  const waitMs = Math.ceil(PAUSE_MS * (0.5 + Math.random()));
  throw new AppError('BACKPRESSURE', `Fetching pauses: ${reason}.`, { retry: 'wait', waitMs });
}
