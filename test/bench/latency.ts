import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../src/base/errors.ts';
import { BLOCK_SECONDS, blockNumberAt } from '../../src/simulator/chain.ts';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import type { BenchContext, Figure, Part, Scale } from './part.ts';
import { until, type Stage } from './world.ts';

const SOURCES = ['goldsky', 'polygon'] as const;
type Source = (typeof SOURCES)[number];

const EVENTS_PER_SECOND = 50;
const POLL_MS = 1_000;
const LOOK_EVERY_MS = 50;
const HISTORY_S = 60;
/** What an answer of a node or of the subgraph takes, in milliseconds. */
const ANSWER_MS = 100;
const START_MS = 60_000;
/** Seconds between the end of the history and the first block that is measured: what a start costs is over. */
const REST_S = 5;
/** How long after the last measured block its trades are waited for. */
const LATEST_MS = 20_000;
/** Asked, in milliseconds. */
const MOST_MS = { p50: 1_200, p99: 2_500 };

const SECONDS: Readonly<Record<Scale, number>> = { short: 15, usual: 60, full: 300 };

export const latencyPart: Part = {
  name: 'latency',
  title: 'Latency',
  help: 'from when a block can be read upstream until all its trades are in a SELECT',
  run: async (context) => {
    const figures: Figure[] = [];
    for (const source of SOURCES) figures.push(...(await measureSource(context, source)));
    return {
      figures,
      notes: [
        `One worker, ${EVENTS_PER_SECOND} order events a second in blocks of ${BLOCK_SECONDS} s for ${SECONDS[context.scale]} s, polled each second; the stand-in of the upstream answers after ${ANSWER_MS} ms, and its clock loses a second in that time, so that blocks come at every moment between two polls. A block counts when a SELECT on trades, made each ${LOOK_EVERY_MS} ms, has all of its trades.`,
        'Not measured: how far a real subgraph or node is behind the chain, and the network.',
      ],
    };
  },
};

/** Of one block, in milliseconds until all its trades are in a SELECT. */
interface Delay {
  /** From when it could be read. */
  readonly served: number;
  /** From its own time. */
  readonly block: number;
}

interface Block {
  /** Its time by the upstream's clock, unix seconds. */
  readonly second: number;
  /** The same by ours, and when it can be read, in milliseconds. */
  readonly madeAt: number;
  readonly servedAt: number;
}

/**
 * A clock that loses one poll in the course of the run: blocks and polls come at whole seconds both, and would
 * otherwise all be as far apart as the first ones happen to be.
 */
class SlowClock {
  readonly #start = Date.now();
  readonly #speed: number;

  constructor(seconds: number) {
    this.#speed = 1 - POLL_MS / 1000 / seconds;
  }

  now(): number {
    return this.#start + (Date.now() - this.#start) * this.#speed;
  }

  /** When it shows that time, by the real one. */
  realTime(shown: number): number {
    return this.#start + (shown - this.#start) / this.#speed;
  }
}

async function measureSource(context: BenchContext, source: Source): Promise<Figure[]> {
  const { scale, signal } = context;
  const world = await context.world();
  const start = Math.floor(Date.now() / 1000) - HISTORY_S;
  const clock = new SlowClock(SECONDS[scale]);
  const upstream = new SimulatedExchange({
    start,
    now: () => clock.now(),
    eventsPerSecond: EVENTS_PER_SECOND,
    burstProbability: 0,
    ...(source === 'polygon' ? { cutover: start } : {}),
  });
  const simulator = await startSimulator({ upstream, latencyMs: ANSWER_MS });
  const stage = await world.stage({
    ORDER_SOURCES: source,
    ORDERS_POLL_MS: String(POLL_MS),
    GAMMA_URL: simulator.gammaUrl,
    GOLDSKY_URL: simulator.goldskyUrl,
    POLYGON_RPC_URL: simulator.polygonUrls.join(','),
    GOLDSKY_START: String(start),
    POLYGON_START: String(blockNumberAt(start)),
  });
  const [worker] = await stage.startWorkers(1);
  try {
    await until('the tail at the head', () => isAtHead(stage), signal, START_MS);
    context.say(`latency, ${source}: ${REST_S + SECONDS[scale]} s`);
    const first = Math.ceil((clock.now() / 1000 + REST_S) / BLOCK_SECONDS) * BLOCK_SECONDS;
    const { indexingDelayMs, blockDelayMs } = upstream.options;
    const servedAfterMs = source === 'polygon' ? blockDelayMs : indexingDelayMs;
    const blocks: Block[] = [];
    for (let second = first; second < first + SECONDS[scale]; second += BLOCK_SECONDS) {
      const servedAt = clock.realTime(second * 1000 + servedAfterMs);
      blocks.push({ second, servedAt, madeAt: servedAt - servedAfterMs });
    }
    const delays = await measure(stage, upstream, blocks, signal);
    return figuresOf(source, delays);
  } finally {
    await worker?.stop();
    await simulator.close();
    await stage.close();
  }
}

async function isAtHead({ database }: Stage): Promise<boolean> {
  return (await tradesBySecond(database, Math.floor(Date.now() / 1000) - 10)).size > 0;
}

/** Trades in a SELECT by the second of their block, from a second on. */
async function tradesBySecond(database: Stage['database'], from: number): Promise<Map<number, number>> {
  const rows = await database.rows<{ second: number; n: string }>(
    `SELECT toUnixTimestamp(timestamp) AS second, count() AS n FROM trades
     WHERE timestamp >= toDateTime({from:UInt32}) GROUP BY second`,
    { from },
  );
  return new Map(rows.map(({ second, n }) => [second, Number(n)]));
}

async function measure(
  { database }: Stage,
  upstream: SimulatedExchange,
  blocks: readonly Block[],
  signal: AbortSignal,
): Promise<Delay[]> {
  const delays: Delay[] = [];
  let waiting = blocks;
  while (waiting.length > 0) {
    const [oldest] = waiting;
    const stored = await tradesBySecond(database, oldest?.second ?? 0);
    const now = Date.now();
    const left: Block[] = [];
    for (const block of waiting) {
      const wanted = upstream.logs(blockNumberAt(block.second)).length;
      if (now < block.servedAt || (stored.get(block.second) ?? 0) < wanted) left.push(block);
      // Nothing is traded in some blocks.
      else if (wanted > 0) delays.push({ served: now - block.servedAt, block: now - block.madeAt });
    }
    waiting = left;
    if (now > (blocks.at(-1)?.servedAt ?? 0) + LATEST_MS) {
      const what = `The trades of ${waiting.length} blocks have not come within ${LATEST_MS / 1000} s.`;
      throw new AppError('TOO_LATE', what, { retry: 'never' });
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  return delays;
}

function figuresOf(source: Source, delays: readonly Delay[]): Figure[] {
  const served = quantilesOf(delays.map((delay) => delay.served));
  const block = quantilesOf(delays.map((delay) => delay.block));
  return [
    ...(['p50', 'p99'] as const).map((name) => ({
      what: `${source}: ${name} from when a block could be read`,
      value: `${inSeconds(served[name])} s`,
      asked: `<= ${MOST_MS[name] / 1000} s`,
      met: served[name] <= MOST_MS[name],
    })),
    { what: `${source}: p90 from when a block could be read`, value: `${inSeconds(served.p90)} s` },
    {
      what: `${source}: p50 / p90 / p99 from the block's own time`,
      value: `${[block.p50, block.p90, block.p99].map(inSeconds).join(' / ')} s (${delays.length} blocks)`,
    },
  ];
}

interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

function inSeconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}
