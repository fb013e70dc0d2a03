import { setTimeout as sleep } from 'node:timers/promises';
import { storeLabels } from './markets.ts';
import type { BenchContext, Figure, Part, Scale } from './part.ts';
import { catchUpSettings, rawRows } from './pipelineRun.ts';
import { usageOf } from './processUsage.ts';
import { startUpstream, type Upstream } from './upstream.ts';
import { until, type Stage, type WorkerProcess, type World } from './world.ts';

const END = Math.floor(Date.UTC(2024, 0, 15) / 1000);
const EVENTS_PER_SECOND = 50;
const EVENTS = 200_000;
/** More than can be read in the time. */
const REPETITIONS = 1_000;
const SAMPLE_MS = 1_000;
/** What a start takes, in milliseconds: what comes after is to be flat. */
const WARM_MS = 20_000;
const MOST_WORKER_MB = 300;
const MOST_REDIS_MB = 256;
/** The last quarter beside the first: what is not flat in half an hour grows by more. */
const MOST_GROWTH = 1.15;
const LEAST_RATE = 0.9;
/** Fetching pauses: no request for so long, in milliseconds. */
const PAUSED_MS = 4_000;
const LONGEST_MS = 300_000;
const MB = 1_000_000;

const SECONDS: Readonly<Record<Scale, number>> = { short: 30, usual: 300, full: 1_800 };

/** Memory at full rate, and with a backlog as large as it gets. */
export const memoryPart: Part = {
  name: 'memory',
  title: 'Memory',
  help: 'memory of a worker and of Redis at full rate for a while, and of Redis with the largest backlog',
  run: async (context) => {
    const length = Math.ceil((EVENTS / EVENTS_PER_SECOND) * 1.2);
    const exchange = { start: END - length, end: END, eventsPerSecond: EVENTS_PER_SECOND };
    const upstream = await startUpstream({
      exchange: { ...exchange, end: END + length * REPETITIONS },
      eventsWanted: EVENTS,
      repetitions: REPETITIONS,
      pageEvents: 1_000,
      latencyMs: 0,
    });
    try {
      const soaked = await soak(context, upstream, exchange);
      const backlog = await largestBacklog(context, upstream);
      return {
        figures: [...figuresOf(context.scale, soaked), backlog],
        notes: [
          `One worker catches up at full rate for ${SECONDS[context.scale]} s, as in "Sustained rate"; RSS of the processes each second, from ${WARM_MS / 1000} s on. The history repeats itself at later seconds.`,
          'The largest backlog: nothing takes pages out of Redis, and MAX_QUEUED_PAGES is not what ends it, but MAX_REDIS_MB=256.',
          'RSS counts memory that processes share, such as the program of Node.js itself, once for each.',
        ],
      };
    } finally {
      await upstream.stop();
    }
  },
};

interface Sample {
  readonly ms: number;
  readonly worker: number;
  readonly redis: number;
  readonly rows: number;
}

async function soak(
  context: BenchContext,
  upstream: Upstream,
  exchange: Parameters<typeof storeLabels>[1],
): Promise<Sample[]> {
  const world = await context.world();
  const stage = await world.stage(catchUpSettings(upstream));
  const samples: Sample[] = [];
  try {
    await storeLabels(stage.database, exchange);
    const workers = await stage.startWorkers(1);
    try {
      const started = performance.now();
      for (let ms = 0; ms < SECONDS[context.scale] * 1_000; ms = performance.now() - started) {
        await sleep(SAMPLE_MS, undefined, { signal: context.signal });
        samples.push(await sample(world, stage, workers, ms));
      }
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
  } finally {
    await stage.close();
  }
  return samples;
}

async function sample(
  world: World,
  stage: Stage,
  workers: readonly WorkerProcess[],
  ms: number,
): Promise<Sample> {
  return {
    ms,
    worker: Math.max(...workers.map(({ pid }) => usageOf(pid)?.rss ?? 0)) / MB,
    redis: (usageOf(world.pid('redis'))?.rss ?? 0) / MB,
    rows: await rawRows(stage),
  };
}

function figuresOf(scale: Scale, samples: readonly Sample[]): Figure[] {
  const warm = samples.filter(({ ms }) => ms >= WARM_MS);
  const quarter = Math.max(1, Math.floor(warm.length / 4));
  const [first, last] = [warm.slice(0, quarter), warm.slice(-quarter)];
  const most = (of: (sample: Sample) => number) => Math.max(...samples.map(of));
  const rate = (part: readonly Sample[]) => {
    const [from, to] = [part[0], part.at(-1)];
    return from === undefined || to === undefined || from === to
      ? NaN
      : ((to.rows - from.rows) * 1_000) / (to.ms - from.ms);
  };
  const growth = (of: (sample: Sample) => number) => mean(last.map(of)) / mean(first.map(of));
  const workerGrowth = growth(({ worker }) => worker);
  const redisGrowth = growth(({ redis }) => redis);
  const kept = rate(last) / rate(first);
  const isLong = scale !== 'short';
  return [
    {
      what: 'a worker, at most',
      value: `${Math.round(most(({ worker }) => worker))} MB`,
      asked: `<= ${MOST_WORKER_MB} MB`,
      met: most(({ worker }) => worker) <= MOST_WORKER_MB,
    },
    {
      what: 'Redis at full rate, at most',
      value: `${Math.round(most(({ redis }) => redis))} MB`,
      asked: `<= ${MOST_REDIS_MB} MB`,
      met: most(({ redis }) => redis) <= MOST_REDIS_MB,
    },
    {
      what: 'last quarter of the time to the first: worker, Redis',
      value: `${workerGrowth.toFixed(2)}, ${redisGrowth.toFixed(2)}`,
      ...(isLong
        ? {
            asked: `flat: <= ${MOST_GROWTH}`,
            met: workerGrowth <= MOST_GROWTH && redisGrowth <= MOST_GROWTH,
          }
        : {}),
    },
    {
      what: `rate of the last quarter to the first, ${samples.at(-1)?.rows ?? 0} rows at the end`,
      value: `${kept.toFixed(2)} (${Math.round(rate(first))}, ${Math.round(rate(last))} events/s)`,
      ...(isLong ? { asked: `>= ${LEAST_RATE}`, met: kept >= LEAST_RATE } : {}),
    },
  ];
}

/** Pages are fetched, and nothing makes rows of them. */
async function largestBacklog(context: BenchContext, upstream: Upstream): Promise<Figure> {
  const world = await context.world();
  const stage = await world.stage({ ...catchUpSettings(upstream), MAX_QUEUED_PAGES: '10000' });
  try {
    const [worker] = await stage.startWorkers(1, ['--queues=ticks,fetch.goldsky']);
    try {
      let most = 0;
      await until(
        'fetching pauses',
        async () => {
          most = Math.max(most, (usageOf(world.pid('redis'))?.rss ?? 0) / MB);
          const { arrivals, now } = await upstream.arrivals();
          const lastAt = arrivals.at(-1);
          return lastAt !== undefined && now - lastAt > PAUSED_MS && most > 0;
        },
        context.signal,
        LONGEST_MS,
        SAMPLE_MS / 4,
      );
      return {
        what: 'Redis with the largest backlog',
        value: `${Math.round(most)} MB`,
        asked: `<= ${MOST_REDIS_MB} MB`,
        met: most <= MOST_REDIS_MB,
      };
    } finally {
      await worker?.stop();
    }
  } finally {
    await stage.close();
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
