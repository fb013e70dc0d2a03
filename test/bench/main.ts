import { join } from 'node:path';
import { runCommand } from '../../src/base/command.ts';
import { ConfigError } from '../../src/base/errors.ts';
import { PROJECT_ROOT } from '../../src/embedded/processes.ts';
import { growthPart } from './growth.ts';
import { idlePart } from './idle.ts';
import { latencyPart } from './latency.ts';
import { limitedApiPart } from './limitedApi.ts';
import { memoryPart } from './memory.ts';
import type { Part, Scale } from './part.ts';
import { ratePart } from './rate.ts';
import { replicasPart } from './replicas.ts';
import { circumstances, tableText, writeSection } from './report.ts';
import { storagePart } from './storage.ts';
import { World } from './world.ts';

const PARTS: readonly Part[] = [
  ratePart,
  latencyPart,
  limitedApiPart,
  replicasPart,
  memoryPart,
  storagePart,
  growthPart,
  idlePart,
];
/** What catches a regression within a minute by a ratio, or by bytes: seconds say more of the machine. */
const IN_CI: readonly Part[] = [ratePart, storagePart];

const switches = Object.fromEntries(
  PARTS.map(({ name, help }) => [name, { type: 'boolean', help }] as const),
);

await runCommand({
  name: 'bench',
  summary:
    'Measures the pipeline on Redis and ClickHouse of its own, in a folder of its own, and prints a table for each part, with the date, the\n' +
    'machine and ratios. Without a part: all of them. Nothing of a pipeline that runs already is touched, but it shares the machine.\n' +
    'Exit code 1 where a figure is not what is asked of it.',
  options: {
    ...switches,
    short: {
      type: 'boolean',
      help: 'small runs, a minute: the rate and the storage only, unless parts are named',
    },
    full: { type: 'boolean', help: '50 million rows and half an hour at full rate' },
    'no-write': { type: 'boolean', help: 'does not change docs/BENCHMARKS.md (short runs never do)' },
  },
  environment: [],
  run: async ({ args, argv, signal, onStop }) => {
    const given = args as Readonly<Record<string, boolean | string | undefined>>;
    if (given['short'] === true && given['full'] === true) {
      throw new ConfigError('--short and --full are not allowed together.');
    }
    const scale: Scale = given['short'] === true ? 'short' : given['full'] === true ? 'full' : 'usual';
    const named = PARTS.filter(({ name }) => given[name] === true);
    const parts = named.length > 0 ? named : scale === 'short' ? IN_CI : PARTS;
    const file = scale === 'short' || given['no-write'] === true ? undefined : 'docs/BENCHMARKS.md';
    const command = ['npm run bench', ...(argv.length === 0 ? [] : ['--', ...argv])].join(' ');

    let opened: Promise<World> | undefined;
    const close = async () => {
      const world = opened;
      opened = undefined;
      if (world !== undefined) await (await world).close();
    };
    onStop(close);
    let allMet = true;
    for (const part of parts) {
      process.stderr.write(`${part.title} ...\n`);
      try {
        const result = await part.run({
          scale,
          signal,
          world: () => (opened ??= World.open(signal)),
          say: (line) => process.stderr.write(`  ${line}\n`),
        });
        const when = circumstances(command, scale);
        console.log(`\n${part.title}: ${when}\n${tableText(result)}\n`);
        if (file !== undefined) {
          const order = PARTS.map(({ name }) => name);
          writeSection(join(PROJECT_ROOT, file), part, result, when, order);
        }
        if (result.figures.some(({ met }) => met === false)) allMet = false;
      } finally {
        // Merges of one part's rows are not to be measured in the next one.
        await close();
      }
    }
    if (file !== undefined) process.stderr.write(`Written to ${file}.\n`);
    return allMet ? 0 : 1;
  },
});
