import type { CommandSpec, OptionSpecs } from './commandSpec.ts';
import { SETTINGS } from './settings.ts';

/** npm runs these by their bare name; every other script needs `npm run`. */
const BARE = new Set(['start', 'stop', 'test']);

/** The text of `--help`: what the command does, its options, the settings it reads with their defaults. */
export function commandHelp<O extends OptionSpecs>(
  spec: Pick<CommandSpec<O>, 'name' | 'summary' | 'options' | 'environment'>,
): string {
  const script = BARE.has(spec.name) ? `npm ${spec.name}` : `npm run ${spec.name}`;
  const options = [
    ...Object.entries(spec.options ?? {}).map(([name, { short, type, value, help }]): [string, string] => [
      `${short === undefined ? '' : `-${short}, `}--${name}${type === 'string' ? ` ${value ?? 'VALUE'}` : ''}`,
      help,
    ]),
    ['-h, --help', 'Shows this text.'] as [string, string],
  ];
  const names = spec.environment ?? (Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]);
  const settings = names.map((name): [string, string] => {
    const [help = '', fallback = ''] = (SETTINGS[name].description ?? '').split('|');
    return [name, [help, fallback === '' ? '' : `[${fallback}]`].filter((part) => part !== '').join(' ')];
  });
  const parts = [
    `${script} -- [options]`,
    spec.summary,
    `Options:\n${table(options)}`,
    ...(settings.length > 0 ? [`Environment, or a line in .env [default]:\n${table(settings)}`] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join('\n');
}
