import { AppError } from '../src/base/errors.ts';
import { pauseReason } from '../queues/backlog.ts';
import type { WorkerContext } from './context.ts';

const PAUSE_MS = 1_000;

/**
 * Holds a fetch back while the queues behind it are full: the upstream keeps the data, Redis need not.
 * @param share how full they may be for this one: past ranges leave room for the tail
 * @throws AppError BACKPRESSURE (wait)
 */
export async function holdWhileFull(context: WorkerContext, share = 1): Promise<void> {
  const reason = pauseReason(await context.queues.queuedPages(), context.config, share);
  if (reason === undefined) return;
  // Partly by chance, so that those held back do not come back together.
  const waitMs = Math.ceil(PAUSE_MS * (0.5 + Math.random()));
  throw new AppError('BACKPRESSURE', `Fetching pauses: ${reason}.`, { retry: 'wait', waitMs });
}
