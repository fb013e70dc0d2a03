import { runCommand } from '../../src/base/command.ts';
import { ConfigError } from '../../src/base/errors.ts';
import { GROUPS, type Group } from './fault.ts';
import { runChaos } from './run.ts';
import { SOURCES, type SourceName } from './source.ts';

const DEFAULT_MINUTES = '5';
const WAIT_MS = 180_000;
const STAY_MS = 15_000;
const DEEPEST_REORG_S = 60;

await runCommand({
  name: 'chaos',
  summary:
    'Runs a whole pipeline of its own (Redis, ClickHouse, three workers, dashboard, a supervisor) on made trades, and breaks everything\n' +
    'around it and in it, at random but by the seed: the same seed draws the same faults. Then heals it all, waits at most three minutes,\n' +
    'and compares every row. Prints each fault as it happens and a table at the end. Exit code 1 where anything is lost, twice or wrong;\n' +
    'files and logs are kept then. Nothing of a pipeline that runs already is touched. With --source polygon three nodes of a made chain\n' +
    'are read, which is reorganised.',
  options: {
    minutes: { type: 'string', value: 'N', help: `how long faults happen (default ${DEFAULT_MINUTES})` },
    source: {
      type: 'string',
      value: 'NAME',
      help: `what is read: ${SOURCES.join(' or ')} (default goldsky)`,
    },
    seed: { type: 'string', value: 'N', help: 'what is drawn (default: another one each time)' },
    faults: { type: 'string', value: 'A,B', help: `only these: ${GROUPS.join(', ')} (default all)` },
    pace: { type: 'string', value: 'X', help: '2: twice as many faults, 0.5: half as many (default 1)' },
    keep: { type: 'boolean', help: 'keeps the files of a run that passed, too' },
  },
  environment: [],
  run: async ({ args, signal }) => {
    const passed = await runChaos({
      source: sourceOf(args.source),
      seed: number('seed', args.seed ?? String(Math.floor(Math.random() * 1e6)), 0, 2 ** 31 - 1),
      durationMs: number('minutes', args.minutes ?? DEFAULT_MINUTES, 0.1, 1_440) * 60_000,
      pace: number('pace', args.pace ?? '1', 0.01, 100),
      groups: groupsOf(args.faults),
      deepestReorgS: DEEPEST_REORG_S,
      waitMs: WAIT_MS,
      stayMs: STAY_MS,
      keep: args.keep,
      signal,
      say: (line) => console.log(line),
    });
    return passed ? 0 : 1;
  },
});

function number(name: string, text: string, min: number, max: number): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (value >= min && value <= max) return value;
  throw new ConfigError(`--${name}=${text} is not allowed: it must be a number from ${min} to ${max}.`);
}

function sourceOf(name = 'goldsky'): SourceName {
  const source = SOURCES.find((one) => one === name);
  if (source !== undefined) return source;
  throw new ConfigError(`--source=${name} is not allowed: it must be ${SOURCES.join(' or ')}.`);
}

function groupsOf(list: string | undefined): ReadonlySet<Group> {
  if (list === undefined) return new Set(GROUPS);
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !GROUPS.some((group) => group === name));
  if (unknown !== undefined) {
    throw new ConfigError(
      `--faults=${list} is not allowed: it must be a comma list of ${GROUPS.join(', ')}.`,
    );
  }
  return new Set(names as Group[]);
}
