import type { Config } from '../src/base/config.ts';
import type { TickPayload } from './payloads.ts';
import type { Queues } from './producer.ts';

/** Milliseconds between passes that label trades and look up unknown tokens. */
const LABELS_EVERY_MS = 5_000;

/**
 * The repeatable jobs. Every worker process puts them in place at boot, under stable ids: the same ones, with
 * the intervals of the process that started last. A source that is not run any more loses its scheduler.
 */
export async function putSchedulers(queues: Queues, config: Config): Promise<void> {
  const ticks = queues.get('ticks');
  const polls: [TickPayload['task'], number][] = [
    ['markets', config.gamma.pollMs],
    ['labels', LABELS_EVERY_MS],
  ];
  if (config.orderSources.includes('goldsky')) polls.push(['goldsky', config.goldsky.pollMs]);
  else await ticks.removeJobScheduler('goldsky');
  for (const [task, every] of polls) {
    await ticks.upsertJobScheduler(task, { every }, { name: task, data: { task } satisfies TickPayload });
  }
}
