import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { blockNumberAt } from '../../src/simulator/chain.ts';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import type { BenchContext, Figure, Part, PartResult, Scale } from './part.ts';
import { usageOf } from './processUsage.ts';
import { ended, until, type Stage } from './world.ts';

/** What the upstream has, all of it old when the pipeline starts, in seconds. */
const HISTORY_S = 20;
const EVENTS_PER_SECOND = 50;
const CATCH_UP_MS = 60_000;
/** The usual poll, which is what is asked for, and the one of the latency figures, in milliseconds. */
const USUAL_POLL_MS = 5_000;
const POLLS_MS: Readonly<Record<Scale, readonly number[]>> = {
  short: [USUAL_POLL_MS],
  usual: [USUAL_POLL_MS, 1_000],
  full: [USUAL_POLL_MS, 1_000],
};
/** Of one core, all processes together. */
const MOST_PERCENT = 3;

/**
 * Seconds that are waited for what a start costs (the market API's catalogue is stored by its first sweep and found stored by
 * the next ones; what was new is read again 10, 30 and 70 s later), and seconds that are measured: whole polls of the market API.
 */
const SECONDS: Readonly<Record<Scale, readonly [rest: number, measured: number]>> = {
  short: [40, 30],
  usual: [140, 60],
  full: [140, 300],
};

const PROCESSES = ['worker', 'dashboard', 'redis', 'clickhouse'] as const;
type PerProcess = Readonly<Record<(typeof PROCESSES)[number], number>>;

export const idlePart: Part = {
  name: 'idle',
  title: 'An idle pipeline',
  help: 'CPU time of worker, dashboard, Redis and ClickHouse while nothing happens',
  run: async (context) => {
    const figures: Figure[] = [];
    for (const pollMs of POLLS_MS[context.scale]) figures.push(...(await measureIdle(context, pollMs)));
    return result(figures, SECONDS[context.scale]);
  },
};

function result(figures: readonly Figure[], [rest, measured]: readonly [number, number]): PartResult {
  return {
    figures,
    notes: [
      `One worker of all queues, a dashboard that nobody looks at, Redis and the embedded ClickHouse, with the usual settings and both order sources; the upstream's clock stands still, so each poll finds what it found before. CPU time by /proc over ${measured} s, beginning ${rest} s after all was stored.`,
      'Not measured: an upstream with new blocks but no trades, which writes how far it has read with each poll; sweeps of a market API with a million markets.',
    ],
  };
}

async function measureIdle(context: BenchContext, pollMs: number): Promise<Figure[]> {
  const { scale, signal } = context;
  const world = await context.world();
  const end = Math.floor(Date.now() / 1000) - HISTORY_S;
  const start = end - HISTORY_S;
  const upstream = new SimulatedExchange({
    start,
    cutover: start + HISTORY_S / 2,
    eventsPerSecond: EVENTS_PER_SECOND,
    burstProbability: 0,
    now: () => end * 1000,
  });
  const simulator = await startSimulator({ upstream });
  const stored = eventsOf(upstream);
  const stage = await world.stage({
    GAMMA_URL: simulator.gammaUrl,
    GOLDSKY_URL: simulator.goldskyUrl,
    POLYGON_RPC_URL: simulator.polygonUrl,
    GOLDSKY_START: String(start),
    POLYGON_START: String(blockNumberAt(start)),
    ORDERS_POLL_MS: String(pollMs),
    DASHBOARD_PORT: '0',
  });
  const [worker] = await stage.startWorkers(1);
  const dashboard = stage.spawn('src/dashboard/main.ts');
  try {
    if (worker === undefined) throw new Error('No worker was started.');
    await once(dashboard, 'message', { signal });
    await until('all stored', async () => (await eventsIn(stage)) >= stored, signal, CATCH_UP_MS);
    const [rest, measured] = SECONDS[scale];
    context.say(`idle, polled each ${pollMs / 1000} s: ${rest + measured} s`);
    await sleep(rest * 1000, undefined, { signal });
    const pids = {
      worker: worker.pid,
      dashboard: dashboard.pid ?? 0,
      redis: world.pid('redis'),
      clickhouse: world.pid('clickhouse'),
    };
    return figuresOf(pollMs, await cpuPercents(pids, measured, signal));
  } finally {
    await Promise.all([worker?.stop(), ended(dashboard)]);
    await simulator.close();
    await stage.close();
  }
}

/** Order events of both sources. */
function eventsOf(upstream: SimulatedExchange): number {
  let events = 0;
  for (let block = upstream.start().block; block <= upstream.chainHead().number; block++) {
    events += upstream.logs(block).length;
  }
  return events;
}

async function eventsIn({ database }: Stage): Promise<number> {
  const [row] = await database.rows<{ n: string }>('SELECT count() AS n FROM order_events');
  return Number(row?.n ?? 0);
}

/** Percent of one core, from now on for that many seconds. */
async function cpuPercents(pids: PerProcess, seconds: number, signal: AbortSignal): Promise<PerProcess> {
  const cpuS = () => PROCESSES.map((name) => usageOf(pids[name])?.cpuS ?? NaN);
  const before = cpuS();
  const started = performance.now();
  await sleep(seconds * 1000, undefined, { signal });
  const after = cpuS();
  const tookS = (performance.now() - started) / 1000;
  const percents = PROCESSES.map((name, at) => [
    name,
    (((after[at] ?? NaN) - (before[at] ?? NaN)) / tookS) * 100,
  ]);
  return Object.fromEntries(percents) as PerProcess;
}

function figuresOf(pollMs: number, percents: PerProcess): Figure[] {
  const all = PROCESSES.reduce((sum, name) => sum + percents[name], 0);
  const each = PROCESSES.map((name) => `${name} ${percents[name].toFixed(1)}`).join(', ');
  return [
    {
      what: `idle, polled each ${pollMs / 1000} s: all processes`,
      value: `${all.toFixed(1)} % of a core (${each})`,
      ...(pollMs === USUAL_POLL_MS
        ? { asked: `< ${MOST_PERCENT} % of a core`, met: all < MOST_PERCENT }
        : {}),
    },
  ];
}
