import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../base/command.ts';
import { ConfigError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { CLICKHOUSE_SETTINGS, REDIS_SETTINGS } from '../base/settings.ts';
import { ClickHouseUnavailable, Database } from '../store/clickhouse.ts';
import { countEvents } from '../store/countEvents.ts';
import { migrate } from '../store/migrate.ts';
import { BackfillPieces } from '../../queues/backfillPieces.ts';
import { connectRedis } from '../../queues/connection.ts';
import { Queues } from '../../queues/producer.ts';
import { SourceStates } from '../../queues/sourceState.ts';
import { planGaps, planRange, type Plan } from './backfillPlan.ts';
import { BackfillRates } from './backfillRates.ts';
import { Backfill } from './backfillRun.ts';
import { PipelineWatch } from './pipelineWatch.ts';
import { ProgressLine } from './progressLine.ts';
import { redisAnswers } from './redisAnswers.ts';
import { parseSources, type BuiltSource } from './sourceOption.ts';
import { formatCount, formatDuration } from './text.ts';
import { parseTime } from './timeOption.ts';

const LOOK_EVERY_MS = 500;
/** Counting the events of all history takes a while. */
const COUNT_MS = 600_000;

await runCommand({
  name: 'backfill',
  summary:
    'Fills a past range of an order source, or the gaps of its coverage, beside the live tail. It fetches only what is missing, so it\n' +
    'can be stopped and run again at any time. The workers do the work: they must be running (npm start, or npm run workers).',
  options: {
    source: { type: 'string', value: 'S', help: 'the order source: goldsky' },
    from: {
      type: 'string',
      value: 'X',
      help: 'unix second, or a time in UTC (2024-04-25, 2024-04-25T12:00:00)',
    },
    to: { type: 'string', value: 'Y', help: 'the same, not included; where the live tail is when left out' },
    gaps: { type: 'boolean', help: 'fills every gap of the coverage instead, those left on purpose too' },
  },
  environment: [...REDIS_SETTINGS, ...CLICKHOUSE_SETTINGS],
  run: async ({ config, args, signal, stopped, onStop }) => {
    const sources = parseSources(args.source, config);
    const range = parseRange(args);
    const database = new Database(config.clickhouse);
    onStop(() => database.close());
    await migrate(database);
    const redis = connectRedis(config.redis.url, log('backfill'));
    const queues = new Queues(redis, config.redis.prefix);
    onStop(async () => {
      // Without Redis this does not end.
      if (redis.status === 'ready') await queues.close();
      redis.disconnect();
    });
    await redisAnswers(redis, config.redis.url);

    const line = new ProgressLine();
    const work = async () => {
      for (const source of sources) await backfill(source);
    };
    // A command to a Redis that is away waits for it; a stop does not.
    await Promise.race([work().catch(unlessStopped), stopped]);
    line.end();
    if (signal.aborted) {
      console.log('Stopped. What was begun goes on in the workers; the same command fetches the rest.');
    }

    async function backfill(source: BuiltSource): Promise<void> {
      const states = new SourceStates(redis, config.redis.prefix);
      const watch = new PipelineWatch(queues, states, source, (text) => line.note(text));
      const parts = { database, states, watch, source, signal };
      const plan = range === undefined ? await planGaps(parts) : await planRange(parts, range);
      for (const note of plan.notes) console.log(note);
      if (plan.wanted.length === 0) return;
      const startedAt = performance.now();
      await fill(source, plan, watch);
      line.end();
      const seconds = (performance.now() - startedAt) / 1000;
      console.log(`Covered ${plan.title}: ${await countOf(source, plan)} in ${formatDuration(seconds)}.`);
    }

    async function fill(source: BuiltSource, plan: Plan, watch: PipelineWatch): Promise<void> {
      const pieces = new BackfillPieces(redis, config.redis.prefix, source);
      const run = new Backfill({ database, queues, pieces, source }, plan.wanted);
      const rates = new BackfillRates();
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

    async function countOf(source: BuiltSource, plan: Plan): Promise<string> {
      const patient = new Database(config.clickhouse, { requestTimeoutMs: COUNT_MS });
      try {
        const counts = await countEvents(patient, source, plan.wanted);
        return `${formatCount(counts.reduce((sum, count) => sum + count, 0))} events`;
      } finally {
        await patient.close();
      }
    }

    function unlessStopped(error: unknown): void {
      if (!signal.aborted) throw error;
    }
  },
});

/** @returns unix seconds; undefined for the gaps. @throws ConfigError */
function parseRange(args: {
  readonly source: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly gaps: boolean;
}): { from: number; to: number | undefined } | undefined {
  if (args.gaps) {
    if (args.from === undefined && args.to === undefined) return undefined;
    throw new ConfigError('--gaps fills every gap: it does not go with --from or --to.');
  }
  if (args.from === undefined) throw new ConfigError('--from is missing (or --gaps, for every gap).');
  if (args.source === undefined) throw new ConfigError('--source is missing: say --source goldsky.');
  const from = parseTime('from', args.from);
  const to = args.to === undefined ? undefined : parseTime('to', args.to);
  if (to !== undefined && to <= from) {
    throw new ConfigError(`--to=${args.to} is not allowed: it must be later than --from=${args.from}.`);
  }
  return { from, to };
}
