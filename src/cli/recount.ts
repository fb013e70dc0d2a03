import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../base/command.ts';
import { AppError, ConfigError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { CLICKHOUSE_SETTINGS, REDIS_SETTINGS } from '../base/settings.ts';
import { REORG_WINDOW_S } from '../sources/goldsky.ts';
import { Database } from '../store/clickhouse.ts';
import { coveredEnd } from '../store/coverage.ts';
import { randomCoveredRanges, type Sample } from '../store/coverageSample.ts';
import { migrate } from '../store/migrate.ts';
import { uncovered } from '../store/uncovered.ts';
import { connectRedis } from '../../queues/connection.ts';
import { Queues } from '../../queues/producer.ts';
import { SourceStates } from '../../queues/sourceState.ts';
import { PipelineWatch } from './pipelineWatch.ts';
import { ProgressLine } from './progressLine.ts';
import { Recounts, type RangeResult } from './recountRun.ts';
import { redisAnswers } from './redisAnswers.ts';
import { parseSources, type BuiltSource } from './sourceOption.ts';
import { formatCount, formatPlace, formatTime, textTable } from './text.ts';
import { parseTime } from './timeOption.ts';

const LOOK_EVERY_MS = 300;
/** A given range is asked for in parts at once: no shorter than this, in seconds, and no more than that many. */
const PART_S = 600;
const MOST_PARTS = 16;

await runCommand({
  name: 'recount',
  summary:
    'Asks an order source again for covered ranges, random ones or a given one, and compares every event with what is stored.\n' +
    'Events that are missing are written by that. Exit code 1 where anything differs. Workers must be running.',
  options: {
    source: { type: 'string', value: 'S', help: 'the order source: goldsky' },
    samples: { type: 'string', value: 'N', help: 'random ranges (default 5)' },
    seconds: { type: 'string', value: 'N', help: 'length of each (default 60)' },
    from: {
      type: 'string',
      value: 'X',
      help: 'a given range: unix second, or a time in UTC (2024-04-25T12:00:00)',
    },
    to: { type: 'string', value: 'Y', help: 'its end, not included' },
  },
  environment: [...REDIS_SETTINGS, ...CLICKHOUSE_SETTINGS],
  run: async ({ config, args, signal, stopped, onStop }) => {
    const sources = parseSources(args.source, config);
    const wanted = parseWanted(args);
    const database = new Database(config.clickhouse);
    onStop(() => database.close());
    await migrate(database);
    const redis = connectRedis(config.redis.url, log('recount'));
    const queues = new Queues(redis, config.redis.prefix);
    onStop(async () => {
      // Without Redis this does not end.
      if (redis.status === 'ready') await queues.close();
      redis.disconnect();
    });
    await redisAnswers(redis, config.redis.url);
    const line = new ProgressLine();
    let agree = true;
    const work = async () => {
      for (const source of sources) agree = (await recount(source)) && agree;
    };
    await Promise.race([work().catch(unlessStopped), stopped]);
    line.end();
    if (signal.aborted) console.log('Stopped. What was asked for still ends in the table recounts.');
    return agree || signal.aborted ? 0 : 1;

    async function recount(source: BuiltSource): Promise<boolean> {
      const ranges =
        'samples' in wanted
          ? await randomRanges(database, source, wanted)
          : await partsOf(database, source, wanted);
      const run = new Recounts(database, queues, ranges, `recount-${randomUUID().slice(0, 8)}`);
      const states = new SourceStates(redis, config.redis.prefix);
      const watch = new PipelineWatch(queues, states, source, (text) => line.note(text));
      for (;;) {
        const { done, results } = await run.step();
        line.show(`recount of ${source}`, done / ranges.length, `${done} of ${ranges.length} ranges`);
        if (done === ranges.length) {
          line.end();
          console.log(tableOf(source, results));
          console.log(`\n${verdictOf(source, results)}`);
          return results.every(isRight);
        }
        await watch.look(ranges.length - done);
        await sleep(LOOK_EVERY_MS, undefined, { signal });
      }
    }

    function unlessStopped(error: unknown): void {
      if (!signal.aborted) throw error;
    }
  },
});

type Wanted =
  { readonly samples: number; readonly seconds: number } | { readonly from: number; readonly to: number };

/** @throws ConfigError */
function parseWanted(
  args: Readonly<Record<'samples' | 'seconds' | 'from' | 'to', string | undefined>>,
): Wanted {
  const { samples, seconds, from, to } = args;
  if (from === undefined && to === undefined) {
    return {
      samples: parseNumber('samples', samples ?? '5', 1_000),
      seconds: parseNumber('seconds', seconds ?? '60', 86_400),
    };
  }
  if (samples !== undefined || seconds !== undefined) {
    throw new ConfigError(
      '--samples and --seconds are for random ranges: they do not go with --from and --to.',
    );
  }
  if (from === undefined || to === undefined) throw new ConfigError('--from and --to go together.');
  const range = { from: parseTime('from', from), to: parseTime('to', to) };
  if (range.to > range.from) return range;
  throw new ConfigError(`--to=${to} is not allowed: it must be later than --from=${from}.`);
}

function parseNumber(name: string, text: string, most: number): number {
  if (/^[1-9]\d{0,5}$/.test(text) && Number(text) <= most) return Number(text);
  throw new ConfigError(`--${name}=${text} is not allowed: it must be a whole number from 1 to ${most}.`);
}

/** @throws AppError NOTHING_COVERED */
async function randomRanges(
  database: Database,
  source: BuiltSource,
  { samples, seconds }: { readonly samples: number; readonly seconds: number },
): Promise<Sample[]> {
  const end = (await coveredEnd(database, source))?.position ?? 0;
  const options = { count: samples, seconds, endsBefore: end - REORG_WINDOW_S };
  const ranges = await randomCoveredRanges(database, source, options);
  if (ranges.length > 0) return ranges;
  throw new AppError(
    'NOTHING_COVERED',
    `Nothing of ${source} can be recounted yet: a range of ${seconds} s with events is needed that is covered and older than ${REORG_WINDOW_S / 60} min.`,
    { retry: 'never' },
  );
}

/** A given range in parts. @throws AppError NOT_COVERED */
async function partsOf(database: Database, source: BuiltSource, { from, to }: Sample): Promise<Sample[]> {
  const window = { from: { position: from, id: '' }, to: { position: to, id: '' } };
  const [missing] = (await uncovered(database, source, window)).missing;
  if (missing !== undefined) {
    throw new AppError(
      'NOT_COVERED',
      `Nothing covers ${source} from ${formatPlace(missing.from)} to ${formatPlace(missing.to)} UTC: npm run backfill fills that first.`,
      { retry: 'never' },
    );
  }
  const parts = Math.min(MOST_PARTS, Math.ceil((to - from) / PART_S));
  const cut = (index: number) => from + Math.floor(((to - from) * index) / parts);
  return Array.from({ length: parts }, (_, index) => ({ from: cut(index), to: cut(index + 1) }));
}

function isRight({ missing, unexpected, different }: RangeResult): boolean {
  return missing + unexpected + different === 0;
}

function tableOf(source: string, results: readonly RangeResult[]): string {
  const numbers = ['upstream events', 'stored', 'missing', 'unexpected', 'different'];
  const rows = results.map((result) => [
    source,
    formatTime(result.from),
    formatTime(result.to),
    ...[result.upstreamEvents, result.storedEvents, result.missing, result.unexpected, result.different].map(
      formatCount,
    ),
  ]);
  const examples = results.flatMap((result) => result.examples);
  return [
    textTable(['source', 'from (UTC)', 'to', ...numbers], rows, numbers),
    ...examples.slice(0, 10).map((id) => `for example ${id}`),
  ].join('\n');
}

function verdictOf(source: string, results: readonly RangeResult[]): string {
  const sum = (key: 'upstreamEvents' | 'missing' | 'unexpected' | 'different') =>
    formatCount(results.reduce((total, result) => total + result[key], 0));
  const wrong = results.filter((result) => !isRight(result)).length;
  if (wrong === 0) {
    return `${source} gave ${sum('upstreamEvents')} events in ${results.length} ranges: what is stored is the same.`;
  }
  return `${wrong} of ${results.length} ranges of ${source} differ: ${sum('missing')} events were missing (they are being written by this recount), ${sum('unexpected')} are stored that it does not give, ${sum('different')} are stored otherwise. Run it again to see whether that lasts.`;
}
