import type { z } from 'zod';
import type { Config, OrderSource } from '../src/base/config.ts';
import {
  fetchGammaPayload,
  fetchGoldskyPayload,
  fetchHypersyncPayload,
  fetchPolygonPayload,
  marketsPayload,
  ordersPayload,
  tickPayload,
  writesPayload,
} from './payloads.ts';

/** One queue: everything that is decided about it, in one place. */
export interface QueueDefinition<Schema extends z.ZodType = z.ZodType> {
  readonly payload: Schema;
  /** For the board. */
  readonly description: string;
  /** Jobs that one worker process runs at once. */
  readonly concurrency: number | ((config: Config) => number);
  /** Tries before a job is left in `failed`, and the first pause between them in milliseconds (doubling). */
  readonly attempts: number;
  readonly backoffMs: number;
  /** The longest pause between two tries, also of a job that waits for something that is away, in milliseconds. */
  readonly maxWaitMs: number;
  /** Requests in 10 s over all replicas together; undefined = no upstream behind this queue. */
  readonly requestsPer10s?: (config: Config) => number;
  /** Finished jobs kept for the board, with their data. Failed jobs that hold pages are kept until they have worked. */
  readonly keepCompleted: number;
  readonly keepFailed: number | 'all';
  /** The job comes again by schedule: one that meets trouble is given up. */
  readonly repeats?: true;
  /** What the board shows of a job: pages and rows are counted, never shown whole. */
  readonly summary: (payload: z.infer<Schema>) => Record<string, unknown>;
}

function define<Schema extends z.ZodType>(definition: QueueDefinition<Schema>): QueueDefinition<Schema> {
  return definition;
}

/** Order events of a usual page. */
const PAGE_EVENTS = 1_000;

/**
 * The catalogue. To add a queue: a payload in payloads.ts, an entry here, a processor in workers/ named like it.
 */
export const CATALOGUE = {
  ticks: define({
    payload: tickPayload,
    description: 'Scheduled polls: starts a chain of fetches unless one is running',
    concurrency: 4,
    attempts: 1,
    backoffMs: 1_000,
    maxWaitMs: 5_000,
    keepCompleted: 50,
    keepFailed: 200,
    repeats: true,
    summary: (payload) => payload,
  }),
  'fetch.gamma': define({
    payload: fetchGammaPayload,
    description: 'One request to the market API: newest markets, a sweep, or tokens nobody knows yet',
    concurrency: 8,
    attempts: 6,
    backoffMs: 1_000,
    maxWaitMs: 30_000,
    requestsPer10s: (config) => config.gamma.requestsPer10s,
    keepCompleted: 100,
    keepFailed: 500,
    summary: (payload) =>
      payload.kind === 'tokens'
        ? { ...payload, tokenIds: `${payload.tokenIds.length} tokens` }
        : payload.kind === 'closedIds'
          ? { ...payload, ids: `${payload.ids.length} markets` }
          : payload,
  }),
  'fetch.goldsky': define({
    payload: fetchGoldskyPayload,
    description: 'One request to the orderbook subgraph: a page of order events',
    concurrency: (config) => requestsAtOnce(config.goldsky.requestsPer10s),
    attempts: 6,
    backoffMs: 1_000,
    maxWaitMs: 30_000,
    requestsPer10s: (config) => config.goldsky.requestsPer10s,
    keepCompleted: 100,
    keepFailed: 500,
    summary: (payload) => payload,
  }),
  'fetch.polygon': define({
    payload: fetchPolygonPayload,
    description: 'Requests to Polygon nodes: the order events of some blocks',
    concurrency: 4,
    attempts: 6,
    backoffMs: 1_000,
    maxWaitMs: 30_000,
    requestsPer10s: (config) => config.polygon.requestsPer10s,
    keepCompleted: 100,
    keepFailed: 500,
    summary: (payload) => payload,
  }),
  'fetch.hypersync': define({
    payload: fetchHypersyncPayload,
    description: 'One request to HyperSync: the order events of many past blocks',
    concurrency: 2,
    attempts: 6,
    backoffMs: 1_000,
    maxWaitMs: 30_000,
    requestsPer10s: (config) => config.hypersync?.requestsPer10s ?? 0,
    keepCompleted: 100,
    keepFailed: 500,
    summary: (payload) => payload,
  }),
  markets: define({
    payload: marketsPayload,
    description: 'A page of market objects into rows',
    concurrency: 2,
    attempts: 6,
    backoffMs: 1_000,
    maxWaitMs: 10_000,
    keepCompleted: 3,
    keepFailed: 'all',
    summary: (payload) => ({
      ...payload,
      records: `${payload.records.length} markets`,
      retried: payload.retried !== undefined,
    }),
  }),
  orders: define({
    payload: ordersPayload,
    description:
      'A page of order events into rows, and into ClickHouse: several pages make one insert a table',
    // The batching writer holds jobs until its insert is done: one full insert is made ready while another is under way.
    concurrency: (config) => Math.min(40, 2 + 4 * Math.ceil(config.write.batchRows / PAGE_EVENTS)),
    attempts: 6,
    backoffMs: 1_000,
    maxWaitMs: 10_000,
    keepCompleted: 3,
    keepFailed: 'all',
    summary: (payload) => ({
      ...payload,
      records: `${Array.isArray(payload.records) ? payload.records.length : payload.records.count} order events`,
      retried: payload.retried !== undefined,
    }),
  }),
  writes: define({
    payload: writesPayload,
    description: 'Other rows on their way to ClickHouse: markets, and rows sent again from quarantine',
    concurrency: 20,
    attempts: 6,
    backoffMs: 1_000,
    maxWaitMs: 10_000,
    keepCompleted: 3,
    keepFailed: 'all',
    summary: (payload) => ({
      rows: Object.fromEntries(Object.entries(payload.rows).map(([table, rows]) => [table, rows.count])),
      coverage: payload.coverage,
    }),
  }),
} as const;

export type QueueName = keyof typeof CATALOGUE;
export type Payload<Name extends QueueName> = z.infer<(typeof CATALOGUE)[Name]['payload']>;

export const QUEUE_NAMES = Object.keys(CATALOGUE) as QueueName[];

/** Requests that one worker process has on their way at once: all that are allowed, while answers take less than two seconds. */
function requestsAtOnce(per10s: number): number {
  return Math.min(8, Math.max(4, Math.ceil(per10s / 5)));
}

/** Jobs of a queue that one worker process runs at once. */
export function concurrencyOf(name: QueueName, config: Config): number {
  const { concurrency }: QueueDefinition = CATALOGUE[name];
  return typeof concurrency === 'function' ? concurrency(config) : concurrency;
}

/** The queue of the requests to a source: its live tail, rereads, and past ranges. */
export function fetchQueueOf<Source extends OrderSource>(source: Source): `fetch.${Source}` {
  return `fetch.${source}`;
}

/** Order of urgency within a queue: lower goes first. Live work is never behind a sweep or a backfill. */
export const PRIORITY = {
  live: 1,
  lookup: 2,
  reread: 3,
  gap: 5,
  openSweep: 10,
  backfill: 10,
  closedSweep: 20,
} as const;
