import type { JobSchedulerJson } from 'bullmq';
import type { Config } from '../src/base/config.ts';
import { tickPayload, type TickPayload } from './payloads.ts';
import type { Queues } from './producer.ts';

/** Milliseconds between passes that label trades and look up unknown tokens. */
const LABELS_EVERY_MS = 5_000;
/** Milliseconds between looks for ranges that are due to be read again, and for gaps of the coverage. */
const SETTLE_EVERY_MS = 5_000;
const GAPS_EVERY_MS = 5_000;
/** Milliseconds between recounts of a few random covered ranges. */
const RECOUNT_EVERY_MS = 600_000;
/** Milliseconds between passes that make few covered ranges of many. */
const COMPACT_EVERY_MS = 600_000;
/** Milliseconds between looks for failed pages that are due to be tried again. */
const RECOVER_EVERY_MS = 30_000;

/** The clocks of replicas may differ by this, in milliseconds; a schedule further off was made by a clock that jumped. */
const SLACK_MS = 5_000;
/** States in which the job of a scheduler's next run still leads to a run. */
const TO_COME: ReadonlySet<string> = new Set([
  'delayed',
  'waiting',
  'prioritized',
  'active',
  'waiting-children',
]);

const TASKS = tickPayload.shape.task.options;

/**
 * The repeatable jobs. Every worker process puts them in place at boot, under stable ids: the same ones, with
 * the intervals of the process that started last. A source that is not run any more loses its scheduler.
 */
export async function putSchedulers(queues: Queues, config: Config): Promise<void> {
  const polls = pollsOf(config);
  for (const poll of polls) await put(queues, poll);
  const wanted = new Set<string>(polls.map(({ task }) => task));
  for (const task of TASKS) if (!wanted.has(task)) await queues.get('ticks').removeJobScheduler(task);
}

/**
 * Puts in place anew those that are gone (Redis was emptied), and those that would not run for long: the next run was set
 * by a clock that was ahead then, or its job is gone. Leaves all others alone.
 */
export async function restoreSchedulers(queues: Queues, config: Config): Promise<void> {
  const nextRuns = await queues.nextRuns('ticks');
  for (const poll of pollsOf(config)) {
    const ahead = (nextRuns.get(poll.task) ?? -Infinity) - Date.now();
    // As it should be: the usual case, seen of all of them at one look.
    if (ahead > -SLACK_MS && ahead <= poll.every + SLACK_MS) continue;
    const scheduler = await queues.get('ticks').getJobScheduler(poll.task);
    if (scheduler !== undefined) {
      if (await leadsToRun(queues, poll, scheduler)) continue;
      await queues.get('ticks').removeJobScheduler(poll.task);
    }
    await put(queues, poll);
  }
}

/** Whether a scheduler's next run comes in time. */
async function leadsToRun(queues: Queues, poll: Poll, scheduler: JobSchedulerJson): Promise<boolean> {
  const { next, every = 0 } = scheduler;
  if (next === undefined) return false;
  const ahead = next - Date.now();
  if (ahead > Math.max(every, poll.every) + SLACK_MS) return false;
  if (ahead > -SLACK_MS) return true;
  // Overdue: waiting for its turn, or lost.
  return TO_COME.has(await queues.get('ticks').getJobState(`repeat:${poll.task}:${next}`));
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
    { task: 'recover', every: RECOVER_EVERY_MS },
  ];
  for (const source of config.orderSources) polls.push({ task: source, every: config[source].pollMs });
  if (config.orderSources.length > 0) {
    polls.push(
      { task: 'settle', every: SETTLE_EVERY_MS },
      { task: 'gaps', every: GAPS_EVERY_MS },
      { task: 'recount', every: RECOUNT_EVERY_MS },
      { task: 'compact', every: COMPACT_EVERY_MS },
    );
  }
  return polls;
}

async function put(queues: Queues, { task, every }: Poll): Promise<void> {
  const data = { task } satisfies TickPayload;
  await queues.get('ticks').upsertJobScheduler(task, { every }, { name: task, data });
}
