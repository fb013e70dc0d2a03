import { runBackfill } from './backfillRun.ts';
import { storeLabels } from './markets.ts';
import type { BenchContext, Part, Scale } from './part.ts';
import { goldskySettings, mustBeExact } from './pipelineRun.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const LATENCY_MS = 200;
const PAGE_EVENTS = 100;
/** A few blocks make a page, and no block more than one. */
const EVENTS_PER_SECOND = 10;
const NO_BURSTS = { burstProbability: 0 };
const REPLICAS = 4;
const LEAST_RATIO = 3.5;
/** What the live tail begins with fits in one page. */
const TAIL_S = 6;
/** Requests of a run are counted from when four of ten were made, by processes that are warm then, to when nine of ten were. */
const STARTING = 0.4;
const ENDING = 0.9;

const EVENTS: Readonly<Record<Scale, number>> = { short: 30_000, usual: 100_000, full: 300_000 };

export const replicasPart: Part = {
  name: 'replicas',
  title: 'Replicas, with an upstream that takes 200 ms to answer',
  help: 'how much faster four workers fill a range than one',
  run: async (context) => {
    const end = Math.floor(Date.UTC(2026, 0, 15) / 1000);
    const eventsWanted = EVENTS[context.scale];
    const start = end - Math.ceil((eventsWanted / EVENTS_PER_SECOND) * 1.1);
    const exchange = { start, end, eventsPerSecond: EVENTS_PER_SECOND, ...NO_BURSTS };
    const options = { exchange, eventsWanted, pageEvents: PAGE_EVENTS, latencyMs: LATENCY_MS };
    const upstream = await startUpstream(options);
    try {
      const one = await backfill(context, upstream, exchange, 1);
      const many = await backfill(context, upstream, exchange, REPLICAS);
      const ratio = many.perSecond / one.perSecond;
      return {
        figures: [
          { what: '1 worker', value: said(one) },
          { what: `${REPLICAS} workers`, value: said(many) },
          {
            what: `rate of ${REPLICAS} workers to that of 1`,
            value: ratio.toFixed(2),
            asked: `>= ${LEAST_RATIO}`,
            met: ratio >= LEAST_RATIO,
          },
        ],
        notes: [
          `\`npm run backfill\` over the same ${upstream.events} events, from an upstream that answers after ${LATENCY_MS} ms with pages of ${PAGE_EVENTS} events, without a limit; both stored exactly. Rates are those of the requests from when four of ten were made, by processes that are warm then, to when nine of ten were.`,
          'With pages so small the time of the answers is measured and not the two cores: with full ones, four workers on two cores come to what the cores give.',
        ],
      };
    } finally {
      await upstream.stop();
    }
  },
};

interface Run {
  /** Events a second. */
  readonly perSecond: number;
  readonly seconds: number;
}

function said({ perSecond, seconds }: Run): string {
  return `${Math.round(perSecond)} events/s, ${seconds.toFixed(1)} s for all`;
}

async function backfill(
  context: BenchContext,
  upstream: Upstream,
  exchange: Parameters<typeof storeLabels>[1],
  replicas: number,
): Promise<Run> {
  const world = await context.world();
  const tail = upstream.last - TAIL_S;
  const stage = await world.stage(goldskySettings(upstream, tail));
  await storeLabels(stage.database, exchange);
  const before = (await upstream.arrivals()).arrivals.length;
  context.say(`${replicas} workers: backfill of ${upstream.events} events`);
  try {
    const seconds = await runBackfill(stage, replicas, 'goldsky', upstream.first - 1, tail, context.signal);
    const arrivals = (await upstream.arrivals()).arrivals.slice(before);
    await mustBeExact(stage, upstream);
    return { perSecond: requestsPerSecond(arrivals) * (upstream.events / arrivals.length), seconds };
  } finally {
    await stage.close();
  }
}

function requestsPerSecond(arrivals: readonly number[]): number {
  const from = Math.floor(arrivals.length * STARTING);
  const to = Math.floor(arrivals.length * ENDING);
  return ((to - from) * 1000) / ((arrivals[to] ?? 0) - (arrivals[from] ?? 0));
}
