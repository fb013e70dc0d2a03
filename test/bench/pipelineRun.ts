import { usageOf } from './processUsage.ts';
import type { Upstream } from './upstream.ts';
import { until, type Stage, type World } from './world.ts';

const LONGEST_MS = 3_600_000;
/** Each look costs the pipeline some of its CPU. */
const LOOK_EVERY_MS = 500;

/** Settings of a stage whose live tail begins at that second; without `requestsPer10s` no request limit. */
export function goldskySettings(
  { goldskyUrl, gammaUrl }: Upstream,
  start: number,
  requestsPer10s = 0,
): Readonly<Record<string, string>> {
  return {
    GOLDSKY_URL: goldskyUrl,
    GAMMA_URL: gammaUrl,
    ORDER_SOURCES: 'goldsky',
    GOLDSKY_START: String(start),
    GOLDSKY_REQUESTS_PER_10S: String(requestsPer10s),
  };
}

/** Settings of a stage whose live tail reads all that the upstream has. */
export function catchUpSettings(upstream: Upstream): Readonly<Record<string, string>> {
  return { ...goldskySettings(upstream, upstream.first), ORDERS_POLL_MS: '1000' };
}

export interface PipelineRun {
  /** From the first request until the last event is in a SELECT and covered. */
  readonly seconds: number;
  /** CPU seconds by process, and memory in bytes: workers are added up, their peaks are of the largest. */
  readonly cpuS: Readonly<Record<'workers' | 'redis' | 'clickhouse' | 'upstream', number>>;
  readonly workerPeakRss: number;
}

/** Runs workers on a stage until all that the upstream has is stored, once. @throws Error where it is not */
export async function runPipeline(
  world: World,
  stage: Stage,
  upstream: Upstream,
  options: { readonly workers: number; readonly signal: AbortSignal },
): Promise<PipelineRun> {
  const pids = { redis: world.pid('redis'), clickhouse: world.pid('clickhouse'), upstream: upstream.pid };
  const before = { ...mapped(pids, cpuOf), arrivals: (await upstream.arrivals()).arrivals.length };
  const rowsBefore = await rawRows(stage);
  const workers = await stage.startWorkers(options.workers);
  const workerIds = workers.map(({ pid }) => pid);
  const base = workerIds.map(cpuOf);
  try {
    const from = await firstRequest(upstream, before.arrivals, options.signal);
    const started = performance.now() - from;
    await until(
      'all events stored',
      async () =>
        (await rawRows(stage)) - rowsBefore >= upstream.events && (await reached(stage)) >= upstream.last,
      options.signal,
      LONGEST_MS,
      LOOK_EVERY_MS,
    );
    const seconds = (performance.now() - started) / 1000;
    const usages = workerIds.map(usageOf).filter((usage) => usage !== undefined);
    const after = mapped(pids, cpuOf);
    return {
      seconds,
      cpuS: {
        workers: usages.reduce((sum, { cpuS }, index) => sum + cpuS - (base[index] ?? 0), 0),
        redis: after.redis - before.redis,
        clickhouse: after.clickhouse - before.clickhouse,
        upstream: after.upstream - before.upstream,
      },
      workerPeakRss: Math.max(...usages.map(({ peakRss }) => peakRss)),
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

/** How long ago the first request after those before came, in milliseconds. */
async function firstRequest(upstream: Upstream, before: number, signal: AbortSignal): Promise<number> {
  let ago = 0;
  await until(
    'a first request',
    async () => {
      const { arrivals, now } = await upstream.arrivals();
      ago = now - (arrivals[before] ?? now);
      return arrivals.length > before;
    },
    signal,
    LONGEST_MS,
  );
  return ago;
}

/** Rows in storage, replaced ones included. */
export async function rawRows({ database }: Stage): Promise<number> {
  const [row] = await database.rows<{ n: string }>('SELECT count() AS n FROM order_event_versions');
  return Number(row?.n ?? 0);
}

/** The second up to which all is covered without a gap. */
async function reached({ database }: Stage): Promise<number> {
  const [row] = await database.rows<{ reached: string; gaps: string }>(
    `SELECT max(to_position) AS reached, (SELECT count() FROM coverage_gaps WHERE source = 'goldsky') AS gaps
     FROM coverage WHERE source = 'goldsky'`,
  );
  return row === undefined || row.gaps !== '0' ? 0 : Number(row.reached);
}

/** @throws Error where an event is missing, twice, or has other amounts than it should */
export async function mustBeExact({ database }: Stage, upstream: Upstream): Promise<void> {
  const [row] = await database.rows<{ n: string; ids: string; checksum: string }>(
    `SELECT count() AS n, uniqExact(id) AS ids, toString(sum(toUInt128(maker_amount_filled) + taker_amount_filled)) AS checksum
     FROM order_events WHERE timestamp >= toDateTime({first:UInt32}) AND timestamp <= toDateTime({last:UInt32})`,
    { first: upstream.first, last: upstream.last },
  );
  const wanted = `${upstream.events} events, ${upstream.events} ids, amounts ${upstream.checksum}`;
  const stored = `${row?.n} events, ${row?.ids} ids, amounts ${row?.checksum}`;
  if (stored !== wanted) throw new Error(`Stored are ${stored}; the upstream has ${wanted}.`);
}

function cpuOf(pid: number): number {
  return usageOf(pid)?.cpuS ?? 0;
}

function mapped<Key extends string>(
  pids: Readonly<Record<Key, number>>,
  of: (pid: number) => number,
): Record<Key, number> {
  return Object.fromEntries(Object.entries<number>(pids).map(([key, pid]) => [key, of(pid)])) as Record<
    Key,
    number
  >;
}
