import type { Cursor } from '../domain/coverage.ts';

/** How values stand in what commands print. */

/** `12,345`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Unix seconds as `2024-04-25 12:00:00`, UTC. */
export function formatTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().slice(0, 19).replace('T', ' ');
}

/** A place as a time; within a second with the beginning of its id. */
export function formatPlace({ position, id }: Cursor): string {
  return id === '' ? formatTime(position) : `${formatTime(position)} (${id.slice(0, 10)}…)`;
}

const UNITS = [
  ['day', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** Seconds as `45 s`, `3 min 20 s`, `2 days 4 h`. */
export function formatDuration(seconds: number): string {
  let left = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count === 0 && parts.length === 0 && unit !== 's') continue;
    left -= count * size;
    if (count > 0 || parts.length === 0)
      parts.push(`${count} ${unit}${unit === 'day' && count > 1 ? 's' : ''}`);
    if (parts.length === 2 || left === 0) break;
  }
  return parts.join(' ');
}

/** Columns side by side; those named are numbers, set to the right. */
export function textTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: readonly string[],
): string {
  const lines = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return numbers.includes(heads[column] ?? '') ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
