import type { Redis } from 'ioredis';
import type { Config } from '../src/base/config.ts';
import type { QueueName } from './catalogue.ts';
import type { Queues } from './producer.ts';

/** The queues whose jobs hold pages, in the order in which a page goes through them. */
const PAGE_QUEUES = ['orders', 'markets', 'writes'] as const satisfies readonly QueueName[];

/** Whether the jobs of a queue hold pages: lost with them. */
export function isPageQueue(name: QueueName): boolean {
  return (PAGE_QUEUES as readonly QueueName[]).includes(name);
}

/** The queues whose jobs bring pages, and what a job that is at work is counted for, in bytes: what it brings is less. */
const FETCH_QUEUES = {
  'fetch.goldsky': 1_000_000,
  'fetch.gamma': 1_000_000,
  // Up to about 4,000 logs, which become several pages.
  'fetch.polygon': 5_000_000,
  'fetch.hypersync': 5_000_000,
} as const satisfies Partial<Record<QueueName, number>>;
/** How much a page of a queue may still grow: as rows, a market's object is JSON in JSON in JSON. */
const GROWTH = { orders: 1, markets: 2, writes: 1 } as const satisfies Record<
  (typeof PAGE_QUEUES)[number],
  number
>;
const MB = 1_000_000;

/** Pages between their fetch and ClickHouse. */
export interface Backlog {
  readonly onTheirWay: number;
  /** Left in `failed` with their data. */
  readonly failed: number;
  /** Of all pages in Redis, as large as they get: with those being fetched, and the few finished ones that are kept. */
  readonly bytes: number;
}

const LISTS = ['wait', 'paused', 'active'] as const;
const SETS = ['prioritized', 'delayed', 'failed', 'completed'] as const;

/**
 * All at one moment. Ids found in the lists name keys of the same queue, so in a cluster they are in the same slot.
 * KEYS: the lists and sets of each page queue, then the active lists of the fetch queues. ARGV: the number of page queues;
 * for each of them what its jobs' keys begin with, and its growth; the bytes that each fetch queue's jobs are counted for.
 */
const COUNT = `
local counts, bytes, at = {}, 0, 0
local last = 2 * ARGV[1]
for queue = 2, last, 2 do
  local prefix, growth = ARGV[queue], tonumber(ARGV[queue + 1])
  for index, state in ipairs({${[...LISTS, ...SETS].map((state) => `'${state}'`).join(', ')}}) do
    at = at + 1
    local ids = redis.call(index <= ${LISTS.length} and 'LRANGE' or 'ZRANGE', KEYS[at], 0, -1)
    counts[state] = (counts[state] or 0) + #ids
    local times = state == 'completed' and 1 or growth
    for _, id in ipairs(ids) do bytes = bytes + times * redis.call('HSTRLEN', prefix .. id, 'data') end
  end
end
for index = at + 1, #KEYS do bytes = bytes + redis.call('LLEN', KEYS[index]) * ARGV[last + 1 + index - at] end
local onTheirWay = counts.wait + counts.paused + counts.active + counts.prioritized + counts.delayed
return {onTheirWay, counts.failed, bytes}`;

export async function readBacklog(redis: Redis, queues: Queues): Promise<Backlog> {
  const fetchQueues = Object.keys(FETCH_QUEUES) as (keyof typeof FETCH_QUEUES)[];
  const keys = [
    ...PAGE_QUEUES.flatMap((name) => [...LISTS, ...SETS].map((state) => queues.get(name).toKey(state))),
    ...fetchQueues.map((name) => queues.get(name).toKey('active')),
  ];
  const pages = PAGE_QUEUES.flatMap((name) => [queues.get(name).toKey(''), GROWTH[name]]);
  const args = [PAGE_QUEUES.length, ...pages, ...Object.values(FETCH_QUEUES)];
  const counted = (await redis.eval(COUNT, keys.length, ...keys, ...args)) as number[];
  const [onTheirWay = 0, failed = 0, bytes = 0] = counted;
  return { onTheirWay, failed, bytes };
}

/**
 * Why fetching pauses, in words for a person; undefined while it goes on. Pages may take half of MAX_REDIS_MB: the other
 * half is for what they become on their way, for Redis' own use of memory, and for all that is no page.
 * @param share of these bounds
 */
export function pauseReason(
  { onTheirWay, failed, bytes }: Backlog,
  config: Pick<Config, 'maxQueuedPages' | 'maxRedisMb'>,
  share = 1,
): string | undefined {
  const { maxQueuedPages, maxRedisMb } = config;
  const pages = onTheirWay + failed;
  const held = `${pages} pages wait for ClickHouse${failed === 0 ? '' : `, ${failed} of them in failed`}`;
  if (pages >= maxQueuedPages * share) return `${held} (MAX_QUEUED_PAGES=${maxQueuedPages})`;
  if (bytes >= (maxRedisMb * MB * share) / 2) {
    return `${held}, ${Math.round(bytes / MB)} MB in Redis (MAX_REDIS_MB=${maxRedisMb}, half of it for pages)`;
  }
  return undefined;
}
