import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../base/command.ts';
import type { OrderSource } from '../base/config.ts';
import { AppError, ConfigError } from '../base/errors.ts';
import { CLICKHOUSE_SETTINGS, POSITIONS, REDIS_SETTINGS } from '../base/settings.ts';
import type { Database } from '../store/clickhouse.ts';
import type { Sample } from '../store/coverageSample.ts';
import { migrate } from '../store/migrate.ts';
import { uncovered } from '../store/uncovered.ts';
import { fetchQueueOf } from '../../queues/catalogue.ts';
import { RECOUNT_MARGIN_S, recountableRanges } from '../../queues/samples.ts';
import { SourceStates } from '../../queues/sourceState.ts';
import { openDatabase, openQueues, unlessStopped } from './connections.ts';
import { PipelineWatch } from './pipelineWatch.ts';
import { mustBeLater, parsePlace, toPosition, type GivenPlace } from './placeOption.ts';
import { positionText } from './positionText.ts';
import { ProgressLine } from './progressLine.ts';
import { Recounts, type RangeResult } from './recountRun.ts';
import { parseSources, SOURCE_NAMES, theSource } from './sourceOption.ts';
import { formatCount, textTable } from './text.ts';

const LOOK_EVERY_MS = 300;
/** A given range is asked for in parts at once: no shorter than this, in positions, and no more than that many. */
const PART_LENGTH = { seconds: 600, blocks: 64 };
const MOST_PARTS = 16;

await runCommand({
  name: 'recount',
  summary:
    'Asks an order source again for covered ranges, random ones or a given one, and compares every event with what is stored.\n' +
    'Events that are missing are written by that. Exit code 1 where anything differs. Workers must be running.',
  options: {
    source: { type: 'string', value: 'S', help: `the order source: ${SOURCE_NAMES}` },
    samples: { type: 'string', value: 'N', help: 'random ranges (default 5)' },
    seconds: { type: 'string', value: 'N', help: 'length of each (default 60)' },
    from: {
      type: 'string',
      value: 'X',
      help: 'a given range: a time in UTC (2024-04-25T12:00:00), or of goldsky a unix second, of polygon a block',
    },
    to: { type: 'string', value: 'Y', help: 'its end, not included' },
  },
  environment: [...REDIS_SETTINGS, ...CLICKHOUSE_SETTINGS, 'ORDER_SOURCES', 'POLYGON_RPC_URL'],
  run: async (context) => {
    const { config, args, signal } = context;
    const sources = parseSources(args.source, config);
    const wanted = parseWanted(args, sources);
    const database = openDatabase(context);
    await migrate(database);
    const { redis, queues } = await openQueues(context, 'recount');
    const line = new ProgressLine();
    let agree = true;
    await unlessStopped(context, async () => {
      for (const source of sources) agree = (await recount(source)) && agree;
    });
    line.end();
    if (signal.aborted) console.log('Stopped. What was asked for still ends in the table recounts.');
    return agree || signal.aborted ? 0 : 1;

    async function recount(source: OrderSource): Promise<boolean> {
      const ranges =
        'samples' in wanted
          ? await randomRanges(database, source, wanted)
          : await partsOf(database, source, await looked(wanted));
      const run = new Recounts({ database, queues, source }, ranges, `recount-${randomUUID().slice(0, 8)}`);
      const states = new SourceStates(redis, config.redis.prefix);
      const print = (text: string) => line.note(text);
      const watch = new PipelineWatch({ queues, states, source, fetchQueue: fetchQueueOf(source), print });
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

    async function looked({ typed, from, to }: GivenRange): Promise<Sample> {
      const lookup = (place: GivenPlace) => toPosition(place, { config, redis, queues, signal });
      const range = { from: await lookup(from), to: await lookup(to) };
      mustBeLater(typed, { position: range.from }, { position: range.to });
      return range;
    }
  },
});

interface GivenRange {
  readonly typed: { readonly from: string; readonly to: string };
  readonly from: GivenPlace;
  readonly to: GivenPlace;
}

type Wanted = { readonly samples: number; readonly seconds: number } | GivenRange;

/** @throws ConfigError */
function parseWanted(
  args: Readonly<Record<'samples' | 'seconds' | 'from' | 'to', string | undefined>>,
  sources: readonly OrderSource[],
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
  const source = theSource(sources);
  const range = {
    typed: { from, to },
    from: parsePlace(source, 'from', from),
    to: parsePlace(source, 'to', to),
  };
  mustBeLater(range.typed, range.from, range.to);
  return range;
}

function parseNumber(name: string, text: string, most: number): number {
  if (/^[1-9]\d{0,5}$/.test(text) && Number(text) <= most) return Number(text);
  throw new ConfigError(`--${name}=${text} is not allowed: it must be a whole number from 1 to ${most}.`);
}

/** @throws AppError NOTHING_COVERED */
async function randomRanges(
  database: Database,
  source: OrderSource,
  { samples, seconds }: { readonly samples: number; readonly seconds: number },
): Promise<Sample[]> {
  const ranges = await recountableRanges(database, source, { count: samples, seconds });
  if (ranges.length > 0) return ranges;
  const events = POSITIONS[source] === 'seconds' ? ' with events' : '';
  throw new AppError(
    'NOTHING_COVERED',
    `Nothing of ${source} can be recounted yet: a range of ${seconds} s${events} is needed that is covered and older than ${RECOUNT_MARGIN_S / 60} min.`,
    { retry: 'never' },
  );
}

/** A given range in parts. @throws AppError NOT_COVERED */
async function partsOf(database: Database, source: OrderSource, { from, to }: Sample): Promise<Sample[]> {
  const window = { from: { position: from, id: '' }, to: { position: to, id: '' } };
  const [missing] = (await uncovered(database, source, window)).missing;
  if (missing !== undefined) {
    const { place, zone } = positionText(source);
    throw new AppError(
      'NOT_COVERED',
      `Nothing covers ${source} from ${place(missing.from)} to ${place(missing.to)}${zone}: npm run backfill fills that first.`,
      { retry: 'never' },
    );
  }
  const parts = Math.min(MOST_PARTS, Math.ceil((to - from) / PART_LENGTH[POSITIONS[source]]));
  const cut = (index: number) => from + Math.floor(((to - from) * index) / parts);
  return Array.from({ length: parts }, (_, index) => ({ from: cut(index), to: cut(index + 1) }));
}

function isRight({ missing, unexpected, different }: RangeResult): boolean {
  return missing + unexpected + different === 0;
}

function tableOf(source: string, results: readonly RangeResult[]): string {
  const numbers = ['upstream events', 'stored', 'missing', 'unexpected', 'different'];
  const { cell, unit } = positionText(source);
  const rows = results.map((result) => [
    source,
    cell(result.from),
    cell(result.to),
    ...[result.upstreamEvents, result.storedEvents, result.missing, result.unexpected, result.different].map(
      formatCount,
    ),
  ]);
  const examples = results.flatMap((result) => result.examples);
  return [
    textTable(['source', `from ${unit}`, 'to', ...numbers], rows, numbers),
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
