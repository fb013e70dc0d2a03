import { storeLabels } from './markets.ts';
import type { BenchContext, Figure, Part, Scale } from './part.ts';
import { catchUpSettings, mustBeExact, runPipeline, type PipelineRun } from './pipelineRun.ts';
import { loadStraight } from './straightLine.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const EVENTS_PER_SECOND = 50;
const PAGE_EVENTS = 1_000;
const END = Math.floor(Date.UTC(2026, 0, 15) / 1000);
const WORKERS = 1;
const LEAST_RATIO = 0.7;
/** Of so few events a start costs a large share. */
const LEAST_RATIO_SHORT = 0.3;
const MOST_RSS_MB = 300;
const MB = 1_000_000;

const SIZES: Readonly<Record<Scale, { readonly events: number; readonly rounds: number }>> = {
  short: { events: 150_000, rounds: 1 },
  usual: { events: 1_000_000, rounds: 2 },
  full: { events: 1_000_000, rounds: 5 },
};

/** The sustained rate, beside that of a loader that does nothing else. */
export const ratePart: Part = {
  name: 'rate',
  title: 'Sustained rate',
  help: 'upstream page to queryable trade, exactly once, beside a straight-line loader in the same run',
  run: async (context) => {
    const { events, rounds } = SIZES[context.scale];
    const exchange = {
      start: END - Math.ceil((events / EVENTS_PER_SECOND) * 1.2),
      end: END,
      eventsPerSecond: EVENTS_PER_SECOND,
    };
    const upstream = await startUpstream({
      exchange,
      eventsWanted: events,
      pageEvents: PAGE_EVENTS,
      latencyMs: 0,
    });
    try {
      const pairs: Pair[] = [];
      for (let round = 1; round <= rounds; round++) {
        const pair = await runPair(context, upstream, exchange);
        context.say(
          `round ${round} of ${rounds}: straight ${said(upstream, pair.straightS)}, pipeline ${said(upstream, pair.run.seconds)}`,
        );
        pairs.push(pair);
      }
      return { figures: figuresOf(context.scale, upstream, pairs), notes: notesOf(upstream) };
    } finally {
      await upstream.stop();
    }
  },
};

interface Pair {
  readonly straightS: number;
  readonly run: PipelineRun;
}

/** Both on tables of their own, one after the other. */
async function runPair(
  context: BenchContext,
  upstream: Upstream,
  exchange: Parameters<typeof storeLabels>[1],
): Promise<Pair> {
  const world = await context.world();
  const straight = await world.stage();
  const labels = await storeLabels(straight.database, exchange);
  const straightS = await loadStraight(upstream, straight.database, straight.config, labels);
  await mustBeExact(straight, upstream);
  await straight.close();

  const stage = await world.stage(catchUpSettings(upstream));
  try {
    await storeLabels(stage.database, exchange);
    const run = await runPipeline(world, stage, upstream, { workers: WORKERS, signal: context.signal });
    await mustBeExact(stage, upstream);
    return { straightS, run };
  } finally {
    await stage.close();
  }
}

function figuresOf(scale: Scale, upstream: Upstream, pairs: readonly Pair[]): Figure[] {
  const sum = (of: (pair: Pair) => number) => pairs.reduce((all, pair) => all + of(pair), 0);
  const straightS = sum((pair) => pair.straightS) / pairs.length;
  const pipelineS = sum((pair) => pair.run.seconds) / pairs.length;
  const ratio = straightS / pipelineS;
  const least = scale === 'short' ? LEAST_RATIO_SHORT : LEAST_RATIO;
  const rssMb = Math.max(...pairs.map(({ run }) => run.workerPeakRss)) / MB;
  const cpu = (of: keyof PipelineRun['cpuS']) =>
    `${of} ${((sum((pair) => pair.run.cpuS[of]) / pairs.length / upstream.events) * 1e6).toFixed(1)}`;
  return [
    { what: 'straight-line loader', value: said(upstream, straightS) },
    { what: 'pipeline, every event once', value: said(upstream, pipelineS) },
    {
      what: 'pipeline to straight line',
      value: `${ratio.toFixed(2)} (${pairs.map(({ straightS: s, run }) => (s / run.seconds).toFixed(2)).join(', ')})`,
      asked: `>= ${least}`,
      met: ratio >= least,
    },
    {
      what: 'CPU of the pipeline, microseconds an event',
      value: [cpu('workers'), cpu('clickhouse'), cpu('redis'), cpu('upstream')].join(', '),
    },
    {
      what: 'most memory of a worker (RSS)',
      value: `${Math.round(rssMb)} MB`,
      asked: `<= ${MOST_RSS_MB} MB`,
      met: rssMb <= MOST_RSS_MB,
    },
  ];
}

function said({ events }: Upstream, seconds: number): string {
  return `${Math.round(events / seconds)} events/s`;
}

function notesOf({ events }: Upstream): string[] {
  return [
    `The live tail of one worker process reads ${events} events of the past from an upstream without latency or limit, in pages of ${PAGE_EVENTS}. From its first request until all are stored and covered; then every id and amount is compared. Default settings, but no request limit.`,
    'The straight-line loader is one process with the same requests, parser, labels and rows: page, transform, inserts of 10,000 rows, the next page asked for meanwhile; no queue, no coverage, no second try.',
    'Upstream, Redis, ClickHouse and worker share the two cores. The upstream answers with pages made before: it takes less than a real network stack would. Not measured: TLS, a network, a disk that is slow, the dashboard.',
  ];
}
