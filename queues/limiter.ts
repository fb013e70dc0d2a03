import type { RateLimiterOptions } from 'bullmq';
import type { Config } from '../src/base/config.ts';
import { CATALOGUE, type QueueDefinition, type QueueName } from './catalogue.ts';

const WINDOW_MS = 10_000;

/** Requests that start evenly arrive less so: the bound is kept to in windows longer by this, in milliseconds. */
const JITTER_MS = 500;

/** Requests closer together than this are let through as a group: the limiter counts in whole milliseconds. */
const SHORTEST_PERIOD_MS = 20;

/**
 * The BullMQ limiter that keeps a queue within its requests in any 10 s, over all replicas. A window of
 * BullMQ's starts with its first job, so one large window would let twice the bound through around its edge;
 * many small ones keep to it: n requests at a time, each period long enough that no 10 s hold more than the bound.
 */
export function limiterFor(name: QueueName, config: Config): RateLimiterOptions | undefined {
  const definition: QueueDefinition = CATALOGUE[name];
  const bound = definition.requestsPer10s?.(config);
  if (bound === undefined || bound === 0) return undefined;
  const max = Math.max(1, Math.floor((bound * SHORTEST_PERIOD_MS) / WINDOW_MS));
  // k groups of max start within (k - 1) periods: with k = floor(bound / max) + 1 that must exceed the window and its jitter.
  const groups = Math.floor(bound / max);
  return { max, duration: Math.ceil((WINDOW_MS + JITTER_MS) / groups) };
}
