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
  const polls = pollsOf(config);
  for (const poll of polls) await put(queues, poll);
  if (!polls.some(({ task }) => task === 'goldsky')) await queues.get('ticks').removeJobScheduler('goldsky');
}

/** Puts back those that are gone, and only those: Redis was emptied. */
export async function restoreSchedulers(queues: Queues, config: Config): Promise<void> {
  for (const poll of pollsOf(config)) {
    if ((await queues.get('ticks').getJobScheduler(poll.task)) === undefined) await put(queues, poll);
  }
}

interface Poll {
  readonly task: TickPayload['task'];
  /** Milliseconds. */
  readonly every: number;
}

function pollsOf(config: Config): Poll[] {
  const polls: Poll[] = [
    { task: 'markets', every: config.gamma.pollMs },
    { task: 'labels', every: LABELS_EVERY_MS },
  ];
  if (config.orderSources.includes('goldsky')) polls.push({ task: 'goldsky', every: config.goldsky.pollMs });
  return polls;
}

async function put(queues: Queues, { task, every }: Poll): Promise<void> {
  const data = { task } satisfies TickPayload;
  await queues.get('ticks').upsertJobScheduler(task, { every }, { name: task, data });
}
