import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../base/errors.ts';
import { ORDER_SOURCES, POSITIONS } from '../base/settings.ts';
import { encodeRows } from '../store/batch.ts';
import type { Database } from '../store/clickhouse.ts';
import {
  outcomeOf,
  quarantinePages,
  quarantineSources,
  rowSource,
  type QuarantineFilter,
  type QuarantinedRecord,
  type QuarantinePage,
} from '../store/quarantine.ts';
import { rowHash, valuesOf } from '../store/rowKey.ts';
import { DATA_TABLES, TABLES, unlabelledTokenRow, type DataTable } from '../store/tables.ts';
import { unsettledRows } from '../store/unsettled.ts';
import { PRIORITY, type QueueName } from '../../queues/catalogue.ts';
import type { WritesPayload } from '../../queues/payloads.ts';
import type { Queues } from '../../queues/producer.ts';
import { countOf } from './quarantineList.ts';
import { ProgressLine } from './progressLine.ts';
import { formatCount } from './text.ts';
import { GAMMA } from '../../workers/markets.ts';

/** Pages on their way at once: up to as many megabytes. */
const AT_ONCE = 8;
const ASK_EVERY_MS = 150;
/** A worker that has just lost its connection is back within this time. */
const WORKERS_SEEN_MS = 3_000;
/** No page finished for so long: nobody works, or ClickHouse is away. */
const STUCK_MS = 120_000;
const REASONS_SHOWN = 10;

export interface RetryResult {
  readonly sent: number;
  readonly used: number;
  /** Records by the reason for which they are still in quarantine. */
  readonly refusedBy: ReadonlyMap<string, number>;
  /** Records whose job is left in failed. */
  readonly inFailed: number;
  /** Sources that this version cannot send, and how many records they have. */
  readonly unsent: ReadonlyMap<string, number>;
}

/**
 * Sends quarantined records through the pipeline again and waits for them. What becomes usable is in the tables and out
 * of quarantine by one write. Ended in the middle, what was sent goes on by itself, and the rest stays where it is.
 * @throws AppError NO_WORKERS, STUCK
 */
export async function retryQuarantine(
  database: Database,
  queues: Queues,
  filter: QuarantineFilter,
  signal: AbortSignal,
): Promise<RetryResult> {
  const sources = await quarantineSources(database, filter);
  const unsent = new Map<string, number>();
  let total = 0;
  const needed = new Set<QueueName>();
  for (const { source, records } of sources) {
    const queue = queueOf(source);
    if (queue === undefined) unsent.set(source, records);
    else {
      total += records;
      for (const name of queuesOf(queue)) needed.add(name);
    }
  }
  const result = { sent: 0, used: 0, refusedBy: new Map<string, number>(), inFailed: 0, unsent };
  if (total === 0) return result;
  await workersAreThere(queues, [...needed], signal);

  const run = randomUUID().slice(0, 8);
  const pages = quarantinePages(database, filter);
  const broken = new AbortController();
  const both = AbortSignal.any([signal, broken.signal]);
  const progress = new Progress(total);
  let number = 0;
  const lane = async () => {
    for (;;) {
      const next = await pages.next();
      if (next.done === true) return;
      const queue = queueOf(next.value.source);
      if (queue === undefined) continue;
      const jobId = `retry-${run}-${number++}`;
      await send(queues, queue, jobId, next.value);
      const isDone = await finished(queues, queue, jobId, progress, both);
      await tally(next.value, isDone);
      progress.moved(result);
    }
  };
  const tally = async ({ source, records }: QuarantinePage, isDone: boolean) => {
    result.sent += records.length;
    if (!isDone) {
      result.inFailed += records.length;
      return;
    }
    const hashes = records.map(({ hash }) => hash);
    const { used, refusedBy } = await outcomeOf(database, source, hashes);
    result.used += used;
    for (const [reason, count] of refusedBy)
      result.refusedBy.set(reason, (result.refusedBy.get(reason) ?? 0) + count);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  } finally {
    broken.abort();
    progress.end();
  }
  return result;
}

/** What came of it, in lines for a person. */
export function reportOf({ sent, used, refusedBy, inFailed, unsent }: RetryResult): string[] {
  const refused = [...refusedBy].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1));
  const stillRefused = refused.reduce((sum, [, count]) => sum + count, 0);
  const lines: string[] = [];
  if (sent > 0) {
    lines.push(
      `${countOf(sent)} sent again: ${formatCount(used)} landed, ${formatCount(stillRefused)} still refused.`,
    );
  } else if (unsent.size === 0) lines.push('No such record is in quarantine: nothing was sent.');
  for (const [reason, count] of refused.slice(0, REASONS_SHOWN))
    lines.push(`  ${formatCount(count).padStart(formatCount(stillRefused).length)}  ${reason}`);
  if (refused.length > REASONS_SHOWN) lines.push(`  and ${refused.length - REASONS_SHOWN} more reasons`);
  if (stillRefused > 0)
    lines.push('They stay in quarantine until an upgrade can use them, or what refuses them is mended.');
  if (inFailed > 0)
    lines.push(`In jobs that failed: ${countOf(inFailed)}; the board (/admin/queues) says why.`);
  for (const [source, count] of unsent)
    lines.push(`Not sent: ${countOf(count)} of ${source}, a source that this version does not read.`);
  return lines;
}

/** The queue that turns records of a source into rows; undefined where none does. */
function queueOf(source: string): 'orders' | 'markets' | 'writes' | undefined {
  if (source === GAMMA) return 'markets';
  if ((ORDER_SOURCES as readonly string[]).includes(source)) return 'orders';
  return tableOf(source) === undefined ? undefined : 'writes';
}

/** Those that take a page of a queue to the tables: markets add a job that writes, the others write themselves. */
function queuesOf(queue: QueueName): readonly QueueName[] {
  return queue === 'markets' ? ['markets', 'writes'] : [queue];
}

function tableOf(source: string): DataTable | undefined {
  return DATA_TABLES.find((table) => rowSource(table) === source);
}

async function send(
  queues: Queues,
  queue: 'orders' | 'markets' | 'writes',
  jobId: string,
  page: QuarantinePage,
): Promise<void> {
  const options = { jobId, priority: PRIORITY.backfill };
  const retried = page.records.map(({ hash, reason, receivedAt }) => ({ hash, reason, receivedAt }));
  const again = {
    fetchedAt: page.records[0]?.receivedAt ?? 0,
    records: page.records.map(({ record }) => parsed(record)),
    retried,
  };
  switch (queue) {
    case 'orders':
      await queues.add(queue, 'retry', { source: page.source, range: null, ...again }, options);
      return;
    case 'markets':
      await queues.add(queue, 'retry', again, options);
      return;
    case 'writes': {
      const table = tableOf(page.source);
      if (table !== undefined) await queues.add(queue, 'retry', rowsAgain(table, page), options);
    }
  }
}

/** The record as it came. */
function parsed(record: string): unknown {
  try {
    return JSON.parse(record);
  } catch {
    return record;
  }
}

function rowsAgain(table: DataTable, { source, records }: QuarantinePage): WritesPayload {
  return {
    rows: {
      [table]: encodeRows(records.map(({ record }) => record)),
      ...(table === 'order_event_versions' ? marksOf(records) : {}),
    },
    coverage: [],
    resolved: records.map(({ hash, receivedAt, record }) => ({
      source,
      hash,
      receivedAt,
      row: rowHash(table, record),
    })),
  };
}

/**
 * What order events need beside their rows, as any page's do: without a label the token is marked, and the second or the
 * block is read again, because a reorg may have taken the event since.
 */
function marksOf(refused: readonly QuarantinedRecord[]): WritesPayload['rows'] {
  const unlabelled = new Set<string>();
  const unsettled = new Set<string>();
  for (const { record } of refused) {
    const row = valuesOf(record) ?? [];
    const value = (name: (typeof TABLES)['order_event_versions'][number]) =>
      row[TABLES.order_event_versions.indexOf(name)];
    const [second, token] = [value('timestamp'), value('token_id')];
    if (typeof second !== 'number' || !isSecond(second) || typeof token !== 'string') continue;
    if (token !== '' && value('market_id') === '') unlabelled.add(unlabelledTokenRow(token, second));
    const source = ORDER_SOURCES.find((name) => name === value('source'));
    const position = source && POSITIONS[source] === 'blocks' ? value('block_number') : second;
    if (source === undefined || typeof position !== 'number') continue;
    for (const mark of unsettledRows(source, position, position)) unsettled.add(mark);
  }
  return {
    unlabelled_token_versions: encodeRows([...unlabelled]),
    unsettled_range_versions: encodeRows([...unsettled]),
  };
}

function isSecond(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

/** @throws AppError NO_WORKERS */
async function workersAreThere(
  queues: Queues,
  needed: readonly QueueName[],
  signal: AbortSignal,
): Promise<void> {
  for (let waited = 0; ; waited += ASK_EVERY_MS) {
    const counts = await Promise.all(needed.map((name) => queues.get(name).getWorkersCount()));
    const idle = needed.filter((_, index) => counts[index] === 0);
    if (idle.length === 0) return;
    if (waited >= WORKERS_SEEN_MS) {
      throw new AppError(
        'NO_WORKERS',
        `No worker takes jobs of ${idle.join(' and ')}: start one (npm run workers, or npm start), then try again. Nothing was sent.`,
        { retry: 'never' },
      );
    }
    await sleep(ASK_EVERY_MS, undefined, { signal });
  }
}

/** Waits for a page's job, and the write that it adds, where it adds one. Gives false where one of them is left in failed. */
async function finished(
  queues: Queues,
  queue: QueueName,
  jobId: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<boolean> {
  const jobs: [QueueName, string][] = [[queue, jobId]];
  if (queue === 'markets') jobs.push(['writes', `w-${jobId}`]);
  for (const [name, id] of jobs) {
    for (;;) {
      const state = await queues.get(name).getJobState(id);
      if (state === 'failed') return false;
      // Only the newest finished jobs are kept.
      if (state === 'completed' || state === 'unknown') break;
      progress.mustMove();
      await sleep(ASK_EVERY_MS, undefined, { signal });
    }
  }
  return true;
}

/** How far it is; notices where nothing moves any more. */
class Progress {
  readonly #line = new ProgressLine();
  readonly #total: number;
  #lastMoved = performance.now();

  constructor(total: number) {
    this.#total = total;
  }

  moved({ sent, used }: { readonly sent: number; readonly used: number }): void {
    this.#lastMoved = performance.now();
    const share = Math.min(1, sent / this.#total);
    this.#line.show('retry', share, `${countOf(sent)} sent again, ${formatCount(used)} landed`);
  }

  /** @throws AppError STUCK */
  mustMove(): void {
    if (performance.now() - this.#lastMoved < STUCK_MS) return;
    throw new AppError(
      'STUCK',
      `Nothing was finished for ${STUCK_MS / 1000} s: is ClickHouse there (npm run doctor), and do the workers run? What was sent stays in the queues and goes on by itself; the rest stays in quarantine.`,
      { retry: 'never' },
    );
  }

  end(): void {
    this.#line.end();
  }
}
