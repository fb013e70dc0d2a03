import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import type { Figure, Part, PartResult, Scale } from './part.ts';

const GB = 1e9;
const HEAD = `# Benchmarks

Written by \`npm run bench\`: each part below says when, on what machine and with which command. Speeds are ratios to a yardstick of the same
run, because machines differ and are shared; absolute numbers are only told. How the parts work: \`test/bench\`.
`;

/** What stands above a part's table. */
export function circumstances(command: string, scale: Scale): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const machine = `${cpus().length} cores (${model}), ${Math.round(totalmem() / GB)} GB, ${platform()} ${arch()}, Node ${process.versions.node}`;
  return `${new Date().toISOString().slice(0, 10)}, ${machine}. \`${command}\`${scale === 'usual' ? '' : ` (${scale})`}`;
}

/** A part's figures for a terminal. */
export function tableText({ figures }: PartResult): string {
  const rows = figures.map((figure) => [figure.what, figure.value, figure.asked ?? '', outcome(figure)]);
  const all = [['figure', 'seen', 'asked', ''], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * Puts a part's section in the file, in the place of the one before; the other parts' stay as they are.
 * @param order names of all parts
 */
export function writeSection(
  file: string,
  part: Part,
  result: PartResult,
  when: string,
  order: readonly string[],
): void {
  const sections = existsSync(file) ? sectionsOf(readFileSync(file, 'utf8')) : new Map<string, string>();
  sections.set(part.name, sectionText(part, result, when));
  const texts = order.flatMap((name) => sections.get(name) ?? []);
  writeFileSync(file, `${HEAD}\n${texts.join('\n')}`);
}

const MARK = /^<!-- part (\S+) -->$/;

function sectionsOf(text: string): Map<string, string> {
  const sections = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split('\n')) {
    name = MARK.exec(line)?.[1] ?? name;
    if (name !== undefined) sections.set(name, `${sections.get(name) ?? ''}${line}\n`);
  }
  return new Map([...sections].map(([key, section]) => [key, `${section.trimEnd()}\n`]));
}

function sectionText({ name, title }: Part, { figures, notes }: PartResult, when: string): string {
  const rows = figures.map(
    (figure) => `| ${figure.what} | ${figure.value} | ${figure.asked ?? ''} | ${outcome(figure)} |`,
  );
  return [
    `<!-- part ${name} -->`,
    '',
    `## ${title}`,
    '',
    when,
    '',
    '| figure | seen | asked | |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
}

function outcome({ met }: Figure): string {
  if (met === undefined) return '';
  return met ? 'met' : 'NOT MET';
}
