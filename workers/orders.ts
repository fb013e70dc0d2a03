import { compareIds } from '../src/domain/coverage.ts';
import { isRecord } from '../src/domain/fields.ts';
import type { OrderEvent } from '../src/domain/orderEvent.ts';
import { parseExchangeLog } from '../src/domain/parseLog.ts';
import { parseSubgraphEvent, type ParsedOrderEvent } from '../src/domain/parseOrderEvent.ts';
import { toTrade, type Trade } from '../src/domain/trade.ts';
import { encodeRows } from '../src/store/batch.ts';
import type { Resolution } from '../src/store/quarantine.ts';
import { RowBuffer } from '../src/store/rowBuffer.ts';
import { rowHash } from '../src/store/rowKey.ts';
import { placeOf } from '../src/store/storedEvents.ts';
import { orderEventRow, unlabelledTokenRow } from '../src/store/tables.ts';
import { unsettledRows } from '../src/store/unsettled.ts';
import { recordsOf } from '../queues/packedRecords.ts';
import type { OrdersPage, OrdersPayload } from '../queues/payloads.ts';
import { compareReread } from './compare.ts';
import { compareBlocks } from './compareBlocks.ts';
import type { Comparison } from './comparison.ts';
import type { WorkerContext } from './context.ts';
import { GOLDSKY } from './goldskyPage.ts';
import { POLYGON } from './polygonPage.ts';
import { quarantined, stillQuarantined, type Retried } from './quarantine.ts';
import type { Processor } from './register.ts';
import type { Write } from './writes.ts';

/** How a source's records are read. */
interface Reader {
  readonly parse: (record: unknown, source: string) => ParsedOrderEvent;
  /** What makes a record itself: the nodes of a chain say the same in different order. */
  readonly identity: (record: unknown) => unknown;
}

/** Sent tests have the subgraph's form. */
const SUBGRAPH: Reader = { parse: parseSubgraphEvent, identity: (record) => record };
const LOGS: Reader = {
  parse: parseExchangeLog,
  identity: (log) => (isRecord(log) ? Object.entries(log).sort(([a], [b]) => compareIds(a, b)) : log),
};

interface ParsedPage {
  readonly events: readonly OrderEvent[];
  /** Quarantine rows of the records that could not be used. */
  readonly refused: readonly string[];
  /** By id: what the quarantine says of events that are sent again from there, the newest last. */
  readonly retried: ReadonlyMap<string, readonly Retried[]>;
}

/** A page that lands later than this after it was read may hold what a reorg has taken since, in milliseconds. */
const LATE_MS = 60_000;

/**
 * Turns a page of order events into rows and has them written: events with their trades, labels where the market is known,
 * and quarantine. Done when they are on disk. Trades in unknown tokens are stored at once and their tokens marked for look-up and relabelling. Of a page
 * that was read again only what is not stored just so is written, and what is gone is taken out.
 */
export function orders(context: WorkerContext): Processor<'orders'> {
  const exchanges = new Set(context.config.exchanges);
  return async (payload, { job }) => {
    // A try before may have written some of its rows, and not what belongs to them.
    const isRedone = job.attemptsStarted > 1;
    // While it waits for its insert, a page is no more than its rows.
    const { write, summary } = await made(context, exchanges, pageOf(context, payload, job.id), isRedone);
    await context.writer.write(write);
    return summary;
  };
}

function pageOf(
  { freshPages }: WorkerContext,
  payload: OrdersPayload,
  jobId: string | undefined,
): OrdersPage {
  return { ...payload, records: freshPages.take(jobId) ?? recordsOf(payload.records) };
}

/** What is to be written of a page. */
async function made(
  context: WorkerContext,
  exchanges: ReadonlySet<string>,
  payload: OrdersPage,
  isRedone: boolean,
): Promise<{ readonly write: Write; readonly summary: Record<string, unknown> }> {
  const page = parsePage(payload);
  const comparison = await compared(context, payload, page.events, isRedone);
  const toWrite =
    comparison === undefined
      ? page.events
      : page.events.filter((event) => comparison.toWrite.has(placeOf(event)));
  const fetchedAt = (event: OrderEvent) =>
    comparison?.toWrite.get(placeOf(event)) ??
    page.retried.get(event.id)?.at(-1)?.receivedAt ??
    payload.fetchedAt;
  const resolved: Resolution[] = [];
  const { rows, unlabelled, unknownTokens } = await toRows(
    context,
    toWrite,
    exchanges,
    fetchedAt,
    ({ id }, row) => {
      resolved.push(...resolutions(payload.source, page.retried.get(id), row));
    },
  );
  for (const deletion of comparison?.deletions ?? []) rows.add(deletion);
  const write = {
    rows: {
      order_event_versions: rows.encoded(),
      quarantine_versions: encodeRows(page.refused),
      unlabelled_token_versions: encodeRows(
        comparison !== undefined && isRedone ? tokenMarks(page.events, exchanges) : unlabelled,
      ),
      unsettled_range_versions: encodeRows([...(comparison?.marks ?? []), ...marksOf(payload, page.events)]),
      recount_versions: encodeRows(comparison?.recounts ?? []),
    },
    coverage: coverageOf(payload, page),
    resolved,
  };
  const summary = {
    events: page.events.length,
    quarantined: page.refused.length,
    unknownTokens,
    ...(comparison === undefined ? {} : summaryOf(comparison)),
  };
  return { write, summary };
}

/** Of a page that is compared with what is stored: what is to be corrected. */
async function compared(
  context: WorkerContext,
  payload: OrdersPage,
  events: readonly OrderEvent[],
  isRedone: boolean,
): Promise<Comparison | undefined> {
  const { reread, blocks } = payload;
  if (blocks !== undefined) return await compareBlocks(context, { ...payload, blocks }, events);
  return reread === undefined
    ? undefined
    : await compareReread(context, { ...payload, reread }, events, isRedone);
}

function parsePage(payload: OrdersPage): ParsedPage {
  const events: OrderEvent[] = [];
  const refused: string[] = [];
  const retried = new Map<string, Retried[]>();
  const { source } = payload;
  const { parse, identity } = source === POLYGON ? LOGS : SUBGRAPH;
  for (const [index, record] of payload.records.entries()) {
    const again = payload.retried?.[index];
    const parsed = parse(record, source);
    if (parsed.ok) {
      const { id } = parsed.event;
      events.push(parsed.event);
      if (again !== undefined) retried.set(id, [...(retried.get(id) ?? []), again]);
    } else if (again === undefined) {
      refused.push(quarantined(source, parsed.reason, record, payload.fetchedAt, identity(record)));
    } else {
      refused.push(...stillQuarantined(source, parsed.reason, record, again));
    }
  }
  return { events, refused, retried };
}

/** Takes the records that have become this row out of quarantine. */
function resolutions(source: string, retried: readonly Retried[] | undefined, row: string): Resolution[] {
  if (retried === undefined) return [];
  const hashOfRow = rowHash('order_event_versions', row);
  return retried.map(({ hash, receivedAt }) => ({ source, hash, receivedAt, row: hashOfRow }));
}

/**
 * @param fetchedAt millisecond that the row of an event is to be of
 * @param onRow called with the row of each event
 */
async function toRows(
  context: WorkerContext,
  events: readonly OrderEvent[],
  exchanges: ReadonlySet<string>,
  fetchedAt: (event: OrderEvent) => number,
  onRow: (event: OrderEvent, row: string) => void,
) {
  const traded = events.map((event) => ({ event, trade: toTrade(event, exchanges) }));
  const tokens = tokensOf(traded);
  const labels = await context.labels.find(tokens);
  const unlabelled = new Set<string>();
  const rows = new RowBuffer(events.length);
  for (const { event, trade } of traded) {
    const label = trade === undefined ? undefined : labels.get(trade.tokenId);
    if (trade !== undefined && label === undefined) {
      unlabelled.add(unlabelledTokenRow(trade.tokenId, event.timestamp));
    }
    const row = orderEventRow(event, trade, label, fetchedAt(event));
    rows.add(row);
    onRow(event, row);
  }
  const unknown = [...tokens].filter((token) => !labels.has(token));
  await context.lookups.note(unknown);
  return { rows, unlabelled: [...unlabelled], unknownTokens: unknown.length };
}

/** Marks of all tokens of a page: rows that are stored already are not written again, but may lack their labels and marks. */
function tokenMarks(events: readonly OrderEvent[], exchanges: ReadonlySet<string>): string[] {
  const marks = new Set<string>();
  for (const event of events) {
    const trade = toTrade(event, exchanges);
    if (trade !== undefined) marks.add(unlabelledTokenRow(trade.tokenId, event.timestamp));
  }
  return [...marks];
}

function tokensOf(traded: readonly { readonly trade: Trade | undefined }[]): Set<string> {
  const tokens = new Set<string>();
  for (const { trade } of traded) if (trade !== undefined) tokens.add(trade.tokenId);
  return tokens;
}

function coverageOf({ source, range }: OrdersPage, { events, refused }: ParsedPage) {
  if (range === null) return [];
  return [{ source, ...range, events: events.length, quarantined: refused.length }];
}

/**
 * What of a page is to be read again: the part that may still change, all of a late one of the subgraph, and blocks of
 * events that come from quarantine.
 */
function marksOf(
  { source, unsettled, reread, retried, fetchedAt }: OrdersPage,
  events: readonly OrderEvent[],
): string[] {
  const marks = new Set<string>();
  if (unsettled !== undefined) {
    for (const row of unsettledRows(source, unsettled.from, unsettled.to)) marks.add(row);
  }
  if (source === GOLDSKY && reread === undefined && Date.now() - fetchedAt > LATE_MS) {
    const seconds = new Set(events.map(({ timestamp }) => timestamp));
    for (const second of seconds) for (const row of unsettledRows(source, second, second)) marks.add(row);
  }
  // What was read before it was final may be of a block that is gone.
  if (source === POLYGON && retried !== undefined) {
    const blocks = new Set(events.map(({ blockNumber }) => blockNumber));
    for (const block of blocks) for (const row of unsettledRows(source, block, block)) marks.add(row);
  }
  return [...marks];
}

function summaryOf({ toWrite, deletions }: Comparison): Record<string, number> {
  return { corrected: toWrite.size, gone: deletions.length };
}
