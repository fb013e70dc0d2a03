import { storeLabels } from './markets.ts';
import type { BenchContext, Figure, Part, PartResult } from './part.ts';
import { catchUpSettings, mustBeExact, runPipeline } from './pipelineRun.ts';
import { settled, storeHistory } from './storedHistory.ts';
import { startUpstream } from './upstream.ts';

/** Rows stored before, few and many, and the events that the pipeline then takes in. */
const SIZES = {
  short: { few: 0, many: 200_000, events: 30_000 },
  usual: { few: 1_000_000, many: 10_000_000, events: 200_000 },
  full: { few: 1_000_000, many: 50_000_000, events: 300_000 },
} as const;
/** The stored history ends where the upstream's events begin: in the same month, as a tail's do. */
const START = Date.UTC(2026, 0, 15) / 1000;
const EVENTS_PER_SECOND = 50;
const PAGE_EVENTS = 1000;
const SETTLE_MS = 300_000;
const LEAST_RATIO = 0.9;
/** Twice the events in twice the time: what a run's start costs may make the first half slower, not faster. */
const MOST_DOUBLE = 2.2;
const CI_RATIO = 0.6;

/** Whether the pipeline slows down as more is stored, and as there is more to do. */
export const growthPart: Part = {
  name: 'growth',
  title: 'Growth',
  help: 'the rate with few and with many rows stored before, and the time for twice the events',
  run,
};

async function run(context: BenchContext): Promise<PartResult> {
  const { few, many, events } = SIZES[context.scale];
  const isShort = context.scale === 'short';
  const single = await measure(context, few, events);
  const double = await measure(context, few, events * 2);
  const grown = await measure(context, many, events);
  const ratio = grown.rate / single.rate;
  const times = (2 * single.rate) / double.rate;
  const least = isShort ? CI_RATIO : LEAST_RATIO;
  const most = isShort ? 2 / CI_RATIO : MOST_DOUBLE;
  const figures: Figure[] = [
    { what: `rate with ${single.stored} rows stored before`, value: rateOf(single) },
    {
      what: `rate with ${grown.stored} rows stored before`,
      value: `${rateOf(grown)}, ${ratio.toFixed(2)} of that`,
      asked: `>= ${least} of the rate with few`,
      met: ratio >= least,
    },
    {
      what: `time for ${double.events} events in place of ${single.events}`,
      value: `${times.toFixed(2)} times (${double.seconds.toFixed(1)} s, ${single.seconds.toFixed(1)} s)`,
      asked: `<= ${most.toFixed(1)} times`,
      met: times <= most,
    },
  ];
  return {
    figures,
    notes: [
      'One worker, an upstream without latency, pages of 1,000. What is stored before lies in the days before the events that come, a million rows a day, and is merged before the run.',
      'Each run on tables of its own, checked for every event once. Not measured: a cold disk, rows that come into the middle of old months.',
    ],
  };
}

interface Measured {
  readonly stored: number;
  readonly events: number;
  readonly seconds: number;
  /** Events a second. */
  readonly rate: number;
}

async function measure(context: BenchContext, rows: number, eventsWanted: number): Promise<Measured> {
  const { signal } = context;
  const world = await context.world();
  const exchange = {
    start: START,
    end: START + Math.ceil((eventsWanted / EVENTS_PER_SECOND) * 1.2),
    eventsPerSecond: EVENTS_PER_SECOND,
  };
  const upstream = await startUpstream({ exchange, eventsWanted, pageEvents: PAGE_EVENTS, latencyMs: 0 });
  try {
    const stage = await world.stage(catchUpSettings(upstream));
    try {
      const stored =
        rows === 0
          ? 0
          : (await storeHistory(stage, { rows, end: START, signal, say: (line) => context.say(line) })).rows;
      await settled(stage, signal, SETTLE_MS);
      await storeLabels(stage.database, exchange);
      const { seconds } = await runPipeline(world, stage, upstream, { workers: 1, signal });
      await mustBeExact(stage, upstream);
      const rate = upstream.events / seconds;
      context.say(`${upstream.events} events on ${stored} rows: ${rate.toFixed(0)} a second`);
      return { stored, events: upstream.events, seconds, rate };
    } finally {
      await stage.close();
    }
  } finally {
    await upstream.stop();
  }
}

function rateOf({ rate }: Measured): string {
  return `${rate.toFixed(0)} events/s`;
}
