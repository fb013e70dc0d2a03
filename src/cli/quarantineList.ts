import { once } from 'node:events';
import type { Database } from '../store/clickhouse.ts';
import {
  quarantineGroups,
  quarantinePages,
  quarantineSources,
  type QuarantineFilter,
} from '../store/quarantine.ts';
import { formatCount, textTable } from './text.ts';

const MAX_SAMPLE = 100;
const HEADS = [
  'source',
  'reason',
  'records',
  'first received (UTC)',
  'last received (UTC)',
  'the newest one begins',
];

/** Prints one line for each source and reason. */
export async function listQuarantine(
  database: Database,
  filter: QuarantineFilter,
  limit: number,
): Promise<void> {
  const sources = await quarantineSources(database, filter);
  const records = sources.reduce((sum, source) => sum + source.records, 0);
  const groups = sources.reduce((sum, source) => sum + source.groups, 0);
  if (records === 0) {
    console.log(`${isAll(filter) ? 'The quarantine is empty' : 'No such record is in quarantine'}.`);
    return;
  }
  const shown = await quarantineGroups(database, filter, limit);
  const lines = shown.map((group) => [
    clean(group.source),
    clean(group.reason),
    formatCount(group.records),
    group.firstReceived.slice(0, 19),
    group.lastReceived.slice(0, 19),
    shorten(clean(group.sample)),
  ]);
  console.log(textTable(HEADS, lines, ['records']));
  const hidden = groups > shown.length ? ` (${groups - shown.length} more lines with --limit)` : '';
  console.log(`\n${countOf(records)}${hidden}. --show prints them whole, --retry sends them again.`);
}

/** Prints records whole, a JSON object a line; ends quietly where nobody reads on (`| head`). */
export async function showQuarantine(
  database: Database,
  filter: QuarantineFilter,
  limit: number,
  signal: AbortSignal,
): Promise<void> {
  const broken = new Promise<'broken'>((resolve) => process.stdout.once('error', () => resolve('broken')));
  let left = limit;
  for await (const { source, records } of quarantinePages(database, filter)) {
    for (const { reason, receivedAt, record } of records.slice(0, left)) {
      signal.throwIfAborted();
      const line = { source, reason, received_at: new Date(receivedAt).toISOString(), record };
      if (process.stdout.write(`${JSON.stringify(line)}\n`)) continue;
      if ((await Promise.race([once(process.stdout, 'drain'), broken])) === 'broken') return;
    }
    left -= records.length;
    if (left <= 0) return;
  }
}

/** `1 record`, `1,200 records`. */
export function countOf(records: number): string {
  return `${formatCount(records)} ${records === 1 ? 'record' : 'records'}`;
}

function isAll({ source, reason }: QuarantineFilter): boolean {
  return source === undefined && reason === undefined;
}

/** Upstream text on a terminal: no control characters. */
function clean(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
}

function shorten(text: string): string {
  const characters = [...text];
  return characters.length > MAX_SAMPLE ? `${characters.slice(0, MAX_SAMPLE - 1).join('')}…` : text;
}
