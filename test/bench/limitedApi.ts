import { BLOCK_SECONDS, blockNumberAt } from '../../src/simulator/chain.ts';
import { NODE_NAMES } from '../../src/simulator/control.ts';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { runBackfill } from './backfillRun.ts';
import { storeLabels } from './markets.ts';
import type { BenchContext, Figure, Part, Scale } from './part.ts';
import { goldskySettings, mustBeExact } from './pipelineRun.ts';
import { requestRate } from './requestRate.ts';
import { startUpstream } from './upstream.ts';

const LIMIT = { requests: 50, windowMs: 10_000 };
const LATENCY_MS = 200;
const REPLICAS: Readonly<Record<Scale, readonly number[]>> = { short: [3], usual: [1, 3], full: [1, 3] };
const EVENTS_PER_SECOND = 50;
const PAGE_EVENTS = 1_000;
const LEAST_USED = 0.95;
/** The live tail begins so many seconds before the end of the history: it has little to do. */
const TAIL_S = 20;

/** Seconds that a backfill is to take at the full rate. */
const SECONDS: Readonly<Record<Scale, number>> = { short: 30, usual: 60, full: 120 };

/** Of one answer of a node: what a job asks for at once. */
const NODE_BLOCKS = 10;
const NODE_EVENTS_PER_SECOND = 5;
/** Younger blocks are read several times: the range ends before them. */
const YOUNG_BLOCKS = 400;

export const limitedApiPart: Part = {
  name: 'limited-api',
  title: 'An API that allows 50 requests in 10 s',
  help: 'how much of what an API allows a backfill uses, by one worker and by three',
  run: async (context) => {
    const figures: Figure[] = [];
    for (const replicas of REPLICAS[context.scale]) figures.push(...(await goldsky(context, replicas)));
    for (const replicas of REPLICAS[context.scale]) figures.push(...(await polygon(context, replicas)));
    return {
      figures,
      notes: [
        `A stand-in subgraph and stand-in nodes answer after ${LATENCY_MS} ms. \`npm run backfill\` fills about ${SECONDS[context.scale]} s worth of requests beside the live tail. Requests are counted as the upstream sees them come, those of the tail as well; the share is that of the time from the eleventh second until nine of ten requests were made, the most in any 10 s that of all the time.`,
        `Pages of ${PAGE_EVENTS} events, and blocks ten at a time: the limit is measured here, not the machine.`,
        'Not measured: what a network between worker and API does to the times at which requests arrive; the limiter allows for 50 ms of it where a machine is busy, for 300 where it is not.',
      ],
    };
  },
};

async function goldsky(context: BenchContext, replicas: number): Promise<Figure[]> {
  const eventsWanted = (SECONDS[context.scale] * LIMIT.requests * 1000 * PAGE_EVENTS) / LIMIT.windowMs;
  const end = Math.floor(Date.UTC(2026, 0, 15) / 1000);
  const start = end - Math.ceil((eventsWanted / EVENTS_PER_SECOND) * 1.1);
  const exchange = { start, end, eventsPerSecond: EVENTS_PER_SECOND };
  const world = await context.world();
  const upstream = await startUpstream({
    exchange,
    eventsWanted,
    pageEvents: PAGE_EVENTS,
    latencyMs: LATENCY_MS,
    limit: LIMIT,
  });
  try {
    const tail = upstream.last - TAIL_S;
    const stage = await world.stage(goldskySettings(upstream, tail, LIMIT.requests));
    await storeLabels(stage.database, exchange);
    context.say(`goldsky, ${replicas} workers: backfill of ${upstream.events} events`);
    await runBackfill(stage, replicas, 'goldsky', upstream.first - 1, tail, context.signal);
    await mustBeExact(stage, upstream);
    const { arrivals, refused } = await upstream.arrivals();
    await stage.close();
    return figures('goldsky', replicas, arrivals, refused.length);
  } finally {
    await upstream.stop();
  }
}

async function polygon(context: BenchContext, replicas: number): Promise<Figure[]> {
  // Two nodes see each block, and each answer takes a request.
  const requests = (SECONDS[context.scale] * LIMIT.requests * 1000) / LIMIT.windowMs;
  const seconds = ((requests / 2) * NODE_BLOCKS + YOUNG_BLOCKS) * BLOCK_SECONDS;
  const end = Math.floor(Date.now() / 1000);
  const exchange = {
    start: end - seconds,
    eventsPerSecond: NODE_EVENTS_PER_SECOND,
    now: () => end * 1000,
  };
  const upstream = new SimulatedExchange(exchange);
  const node = { maxBlocks: NODE_BLOCKS };
  const simulator = await startSimulator({
    upstream,
    latencyMs: LATENCY_MS,
    nodes: { polygon: node, polygon2: node, polygon3: node },
  });
  const world = await context.world();
  try {
    const tail = upstream.chainHead().number - upstream.finalityBlocks - TAIL_S / BLOCK_SECONDS;
    const first = blockNumberAt(exchange.start);
    const to = tail - YOUNG_BLOCKS;
    const stage = await world.stage({
      POLYGON_RPC_URL: simulator.polygonUrls.join(','),
      GAMMA_URL: simulator.gammaUrl,
      ORDER_SOURCES: 'polygon',
      POLYGON_START: String(tail),
      POLYGON_REQUESTS_PER_10S: String(LIMIT.requests),
    });
    await storeLabels(stage.database, { ...exchange, end });
    context.say(`polygon, ${replicas} workers: backfill of ${to - first} blocks`);
    await runBackfill(stage, replicas, 'polygon', first, to, context.signal);
    const [row] = await stage.database.rows<{ n: string }>(
      'SELECT count() AS n FROM order_events WHERE block_number < {to:UInt64}',
      { to },
    );
    const wanted = eventsBefore(upstream, first, to);
    if (Number(row?.n) !== wanted) throw new Error(`Stored are ${row?.n} events; the chain has ${wanted}.`);
    await stage.close();
    const all = NODE_NAMES.flatMap((name) => simulator.control[name].requests);
    const arrivals = all.map(({ at }) => at).toSorted((a, b) => a - b);
    return figures('polygon', replicas, arrivals, all.filter(({ status }) => status === 429).length);
  } finally {
    await simulator.close();
  }
}

function eventsBefore(upstream: SimulatedExchange, first: number, end: number): number {
  let events = 0;
  for (let block = first; block < end; block++) events += upstream.logs(block).length;
  return events;
}

function figures(source: string, replicas: number, arrivals: readonly number[], refused: number): Figure[] {
  const { used, most, steadyS } = requestRate(arrivals, LIMIT);
  const by = `${source}, ${replicas} ${replicas === 1 ? 'worker' : 'workers'}`;
  return [
    {
      what: `${by}: of the allowed requests used`,
      value: `${(used * 100).toFixed(1)} % over ${Math.round(steadyS)} s`,
      asked: `>= ${LEAST_USED * 100} %`,
      met: used >= LEAST_USED,
    },
    {
      what: `${by}: most requests in any 10 s`,
      value: `${most}, and ${refused} refused`,
      asked: `<= ${LIMIT.requests}, none refused`,
      met: most <= LIMIT.requests && refused === 0,
    },
  ];
}
