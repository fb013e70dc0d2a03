import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../base/command.ts';
import type { OrderSource } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';
import { CLICKHOUSE_SETTINGS, POSITIONS, REDIS_SETTINGS } from '../base/settings.ts';
import { ClickHouseUnavailable, Database } from '../store/clickhouse.ts';
import { countEvents } from '../store/countEvents.ts';
import { migrate } from '../store/migrate.ts';
import { checkScope } from '../store/scope.ts';
import { BackfillPieces } from '../../queues/backfillPieces.ts';
import { fetchQueueOf } from '../../queues/catalogue.ts';
import { SourceStates } from '../../queues/sourceState.ts';
import { planGaps, planRange, type Plan } from './backfillPlan.ts';
import { BackfillRates } from './backfillRates.ts';
import { Backfill } from './backfillRun.ts';
import { openDatabase, openQueues, unlessStopped } from './connections.ts';
import { FetchPlaces } from './fetchPlaces.ts';
import { PipelineWatch } from './pipelineWatch.ts';
import { mustBeLater, parsePlace, toPosition, type GivenPlace } from './placeOption.ts';
import { ProgressLine } from './progressLine.ts';
import { parseSources, SOURCE_NAMES, theSource } from './sourceOption.ts';
import { formatCount, formatDuration } from './text.ts';

const LOOK_EVERY_MS = 500;
/** Counting the events of all history takes a while. */
const COUNT_MS = 600_000;

await runCommand({
  name: 'backfill',
  summary:
    'Fills a past range of an order source, or the gaps of its coverage, beside the live tail. It fetches only what is missing, so it\n' +
    'can be stopped and run again at any time. The workers do the work: they must be running (npm start, or npm run workers).',
  options: {
    source: { type: 'string', value: 'S', help: `the order source: ${SOURCE_NAMES}` },
    from: {
      type: 'string',
      value: 'X',
      help: 'a time in UTC (2024-04-25, 2024-04-25T12:00:00), or of goldsky a unix second, of polygon a block',
    },
    to: { type: 'string', value: 'Y', help: 'the same, not included; where the live tail is when left out' },
    gaps: { type: 'boolean', help: 'fills every gap of the coverage instead, those left on purpose too' },
  },
  environment: [
    ...REDIS_SETTINGS,
    ...CLICKHOUSE_SETTINGS,
    'ORDER_SOURCES',
    'EXCHANGE_ADDRESSES',
    'POLYGON_RPC_URL',
    'HYPERSYNC_TOKEN',
  ],
  run: async (context) => {
    const { config, args, signal } = context;
    const sources = parseSources(args.source, config);
    const range = parseRange(args, sources);
    const database = openDatabase(context);
    await migrate(database);
    await checkScope(database, config);
    const { redis, queues } = await openQueues(context, 'backfill');

    const line = new ProgressLine();
    await unlessStopped(context, async () => {
      for (const source of sources) await backfill(source);
    });
    line.end();
    if (signal.aborted) {
      console.log('Stopped. What was begun goes on in the workers; the same command fetches the rest.');
    }

    async function backfill(source: OrderSource): Promise<void> {
      const states = new SourceStates(redis, config.redis.prefix);
      const bulk = source === 'polygon' && config.hypersync !== undefined;
      const fetchQueue = bulk ? 'fetch.hypersync' : fetchQueueOf(source);
      const print = (text: string) => line.note(text);
      const watch = new PipelineWatch({ queues, states, source, fetchQueue, print });
      const parts = { config, database, states, watch, source, signal };
      const plan = range === undefined ? await planGaps(parts) : await planRange(parts, await looked(range));
      for (const note of plan.notes) console.log(note);
      if (plan.wanted.length === 0) return;
      if (bulk) console.log('Through HyperSync: HYPERSYNC_TOKEN is set.');
      const startedAt = performance.now();
      await fill({ source, bulk }, plan, watch);
      line.end();
      const seconds = (performance.now() - startedAt) / 1000;
      console.log(`Covered ${plan.title}: ${await countOf(source, plan)} in ${formatDuration(seconds)}.`);
    }

    async function looked({ typed, from, to }: GivenRange) {
      const lookup = (place: GivenPlace) => toPosition(place, { config, redis, queues, signal });
      const range = { from: await lookup(from), to: to && (await lookup(to)) };
      if (range.to !== undefined) mustBeLater(typed, { position: range.from }, { position: range.to });
      return range;
    }

    async function fill(
      { source, bulk }: { readonly source: OrderSource; readonly bulk: boolean },
      plan: Plan,
      watch: PipelineWatch,
    ): Promise<void> {
      const pieces = new BackfillPieces(redis, config.redis.prefix, source);
      const places = new FetchPlaces(queues, config, bulk ? 'fetch.hypersync' : fetchQueueOf(source));
      const run = new Backfill({ database, queues, pieces, places, source, bulk }, plan.wanted);
      const rates = new BackfillRates(POSITIONS[source]);
      for (;;) {
        try {
          const progress = await run.step();
          watch.lost(progress.lost);
          line.show(plan.title, 1 - progress.missing / progress.total, rates.note(progress));
          if (progress.missing === 0) return;
          await watch.look(progress.missing);
        } catch (error) {
          if (!(error instanceof ClickHouseUnavailable)) throw error;
          watch.say(`${error.message}: waiting for it.`);
        }
        await sleep(LOOK_EVERY_MS, undefined, { signal });
      }
    }

    async function countOf(source: OrderSource, plan: Plan): Promise<string> {
      const patient = new Database(config.clickhouse, { requestTimeoutMs: COUNT_MS });
      try {
        const counts = await countEvents(patient, source, plan.wanted);
        return `${formatCount(counts.reduce((sum, count) => sum + count, 0))} events`;
      } finally {
        await patient.close();
      }
    }
  },
});

interface GivenRange {
  readonly typed: { readonly from: string; readonly to: string | undefined };
  readonly from: GivenPlace;
  readonly to: GivenPlace | undefined;
}

/** @returns undefined for the gaps @throws ConfigError */
function parseRange(
  args: Readonly<Record<'source' | 'from' | 'to', string | undefined>> & { readonly gaps: boolean },
  sources: readonly OrderSource[],
): GivenRange | undefined {
  const { from, to } = args;
  if (args.gaps) {
    if (from === undefined && to === undefined) return undefined;
    throw new ConfigError('--gaps fills every gap: it does not go with --from or --to.');
  }
  if (from === undefined) throw new ConfigError('--from is missing (or --gaps, for every gap).');
  const source = theSource(args.source === undefined ? [] : sources);
  const range = {
    typed: { from, to },
    from: parsePlace(source, 'from', from),
    to: to === undefined ? undefined : parsePlace(source, 'to', to),
  };
  if (range.to !== undefined) mustBeLater(range.typed, range.from, range.to);
  return range;
}
