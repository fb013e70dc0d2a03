import type { RateLimiterOptions } from 'bullmq';
import type { Config } from '../src/base/config.ts';
import { CATALOGUE, type QueueDefinition, type QueueName } from './catalogue.ts';

const WINDOW_MS = 10_000;

/** Requests are sent, and arrive, at most so much later after their turn than others do, in milliseconds (turns.ts). */
const JITTER_MS = 300;

/** Under full load turns may follow so much faster on each other than on average: what was lost is caught up. */
const CATCHING_UP = 0.95;

/** Jobs that start closer together than this are let through as a group: BullMQ counts in whole milliseconds. */
const SHORTEST_PERIOD_MS = 20;

/** A job starts so many milliseconds before its turn: until it asks for it some time goes by. */
const LEAD_MS = 25;

/** How a queue keeps to the requests that its API allows, all replicas together. Milliseconds. */
export interface Pace {
  /** Requests in any window, and how long that is: with what their arrival may vary. */
  readonly bound: number;
  readonly windowMs: number;
  /** Between one turn and the next: on average, and at least. */
  readonly periodMs: number;
  readonly shortestMs: number;
  /** A job is let through this long before its turn. */
  readonly leadMs: number;
  /** What lets jobs through. */
  readonly limiter: RateLimiterOptions;
}

/**
 * Undefined without a bound. The exact bound is kept at each request (turns.ts); BullMQ's limiter only keeps jobs from
 * starting long before their turn, so that the most urgent one is taken when there is room for a request. A window of
 * BullMQ's begins with its first job: many short ones, a little faster than the turns, hold nothing up.
 */
export function paceOf(name: QueueName, config: Config): Pace | undefined {
  const definition: QueueDefinition = CATALOGUE[name];
  const bound = definition.requestsPer10s?.(config);
  if (bound === undefined || bound === 0) return undefined;
  const windowMs = WINDOW_MS + JITTER_MS;
  const periodMs = windowMs / bound;
  const shortestMs = periodMs * CATCHING_UP;
  const max = Math.max(1, Math.ceil(SHORTEST_PERIOD_MS / periodMs));
  return {
    bound,
    windowMs,
    periodMs,
    shortestMs,
    leadMs: Math.min(LEAD_MS, periodMs / 2),
    limiter: { max, duration: Math.floor(max * shortestMs) },
  };
}

/** The limiter of a queue's workers. */
export function limiterFor(name: QueueName, config: Config): RateLimiterOptions | undefined {
  return paceOf(name, config)?.limiter;
}
