import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { QUEUE_STATES } from './queueStatus.ts';
import type { Status } from './status.ts';

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** Each look at the event loop wakes the process up: milliseconds between them. */
const EVENT_LOOP_MS = 1_000;

/** The metrics of the dashboard process itself. */
export function processMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_MS });
  return registry;
}

/**
 * The pipeline's state as Prometheus text. What is not known is left out rather than given as 0. Made anew for
 * each scrape: two scrapes at once do not meet, and nothing stays that is no more.
 */
export async function metricsText(status: Status, ofProcess: Registry): Promise<string> {
  const registry = new Registry();
  addServices(registry, status);
  addSources(registry, status);
  addApis(registry, status);
  addTables(registry, status);
  addQueues(registry, status);
  addBacklog(registry, status);
  return `${await registry.metrics()}\n${withoutUnknown(await ofProcess.metrics())}`;
}

/** Of the event loop nothing is known before the first look at it, or the next one after a scrape. */
function withoutUnknown(text: string): string {
  return text.replaceAll(/^\S+ nan$\n?/gim, '');
}

function addServices(registry: Registry, { services }: Status): void {
  const up = gauge(
    registry,
    'polymarket_service_up',
    'Whether the service answers (1) or not (0).',
    'service',
  );
  for (const [service, answers] of Object.entries(services)) up(answers ? 1 : 0, service);
}

function addSources(registry: Registry, { sources }: Status): void {
  const lag = gauge(
    registry,
    'polymarket_source_lag_seconds',
    'Now minus the furthest covered place; of blocks about.',
    'source',
  );
  const gaps = gauge(registry, 'polymarket_source_gaps', 'Ranges missing in the coverage.', 'source');
  const lostGaps = gauge(
    registry,
    'polymarket_source_lost_gaps',
    'Ranges missing in the coverage that nobody left out on purpose.',
    'source',
  );
  const mismatches = gauge(
    registry,
    'polymarket_source_recount_mismatches',
    'Events that did not agree with the source in the recounts of the last 24 hours.',
    'source',
  );
  const rate = gauge(
    registry,
    'polymarket_source_events_per_second',
    'Order events written, over the last minute.',
    'source',
  );
  const failing = gauge(
    registry,
    'polymarket_source_failing',
    'Whether the last request to the source failed (1) or not (0).',
    'source',
  );
  for (const [source, status] of Object.entries(sources)) {
    lag(status.lagSeconds, source);
    gaps(status.gaps, source);
    lostGaps(status.lostGaps, source);
    mismatches(status.recounts?.mismatches ?? null, source);
    rate(status.eventsPerSecond, source);
    failing(status.problem === null ? 0 : 1, source);
  }
}

function addApis(registry: Registry, { apis }: Status): void {
  const open = gauge(
    registry,
    'polymarket_api_circuit_open',
    'Whether the upstream API does not work and is tried only now and then (1) or not (0).',
    'api',
  );
  for (const [api, { state }] of Object.entries(apis)) {
    open(state === null ? null : state === 'open' ? 1 : 0, api);
  }
}

function addTables(registry: Registry, { tables }: Status): void {
  const rows = gauge(registry, 'polymarket_table_rows', 'Rows of the view, each counted once.', 'table');
  for (const [table, count] of Object.entries(tables)) rows(count, table);
}

function addQueues(registry: Registry, { queues, oldestWaitingSeconds, failedEver }: Status): void {
  const jobs = gauge(
    registry,
    'polymarket_queue_jobs',
    'Jobs by state; completed counts all that ever were.',
    'queue',
    'state',
  );
  const oldest = gauge(
    registry,
    'polymarket_queue_oldest_waiting_seconds',
    'How long the oldest waiting job has waited; 0 when none waits.',
    'queue',
  );
  const completed = counter(registry, 'polymarket_queue_completed_total', 'Jobs completed.');
  const failed = counter(registry, 'polymarket_queue_failed_total', 'Jobs left in failed.');
  for (const [queue, counts] of Object.entries(queues)) {
    for (const state of QUEUE_STATES) jobs(counts[state], queue, state);
    completed(counts.completed, queue);
  }
  for (const [queue, count] of Object.entries(failedEver)) {
    failed(count, queue);
    // The ages were read together with the counts: without those there are none.
    if (count !== null) oldest(oldestWaitingSeconds[queue as keyof typeof failedEver] ?? 0, queue);
  }
}

function addBacklog(registry: Registry, { backlog }: Status): void {
  const { pages, bytes, redisUsedBytes, redisMaxBytes, pauseReason } = backlog;
  const add = (name: string, help: string, value: number | null) => gauge(registry, name, help)(value);
  add('polymarket_queued_pages', 'Pages between their fetch and ClickHouse, those in failed too.', pages);
  add('polymarket_queued_bytes', 'What these pages take in Redis.', bytes);
  add('polymarket_redis_used_bytes', 'Memory that Redis uses.', redisUsedBytes);
  add('polymarket_redis_max_bytes', 'The bound that fetching keeps Redis to.', redisMaxBytes);
  const pauses = pages === null ? null : pauseReason === null ? 0 : 1;
  add('polymarket_fetching_pauses', 'Whether fetching waits for ClickHouse (1) or not (0).', pauses);
}

type Setter = (value: number | null, ...labels: string[]) => void;

function gauge(registry: Registry, name: string, help: string, ...labelNames: string[]): Setter {
  const metric = new Gauge({ name, help, labelNames, registers: [registry] });
  return (value, ...labels) => {
    if (value !== null) metric.labels(...labels).set(value);
  };
}

function counter(registry: Registry, name: string, help: string): Setter {
  const metric = new Counter({ name, help, labelNames: ['queue'], registers: [registry] });
  return (value, ...labels) => {
    if (value !== null) metric.labels(...labels).inc(value);
  };
}
