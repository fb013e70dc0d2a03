import { AppError } from '../src/base/errors.ts';
import type { WorkerContext } from './context.ts';

const PAUSE_MS = 1_000;

/**
 * Holds a fetch back while the queues behind it are full: the upstream keeps the data, Redis need not.
 * @throws AppError BACKPRESSURE (wait)
 */
export async function holdWhileFull(context: WorkerContext): Promise<void> {
  const { onTheirWay, failed } = await context.queues.queuedPages();
  const { maxQueuedPages } = context.config;
  if (onTheirWay + failed < maxQueuedPages) return;
  const lost = failed === 0 ? '' : `, ${failed} are left in failed: retry them on the board`;
  throw new AppError(
    'BACKPRESSURE',
    `Fetching pauses: ${onTheirWay} pages are on their way to ClickHouse${lost} (MAX_QUEUED_PAGES=${maxQueuedPages}).`,
    { retry: 'wait', waitMs: PAUSE_MS },
  );
}
