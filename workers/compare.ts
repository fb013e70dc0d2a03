import type { OrderEvent } from '../src/domain/orderEvent.ts';
import {
  contentOf,
  placeOf,
  storedContents,
  storedVersions,
  type EventSlice,
} from '../src/store/storedEvents.ts';
import { refusedRows } from '../src/store/quarantine.ts';
import { rowHash } from '../src/store/rowKey.ts';
import { deletedEventRow, orderEventRow, recountRow } from '../src/store/tables.ts';
import { answerRow } from '../src/store/unsettled.ts';
import type { OrdersPayload, Reread } from '../queues/payloads.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { contentHash } from './contentHash.ts';
import type { WorkerContext } from './context.ts';

/** An event that several answers in a row did not hold is gone; a single answer may be wrong. */
const ANSWERS_NEEDED = 3;
const ASK_AGAIN_MS = 2_500;
const EXAMPLES = 10;

export interface Comparison {
  /**
   * Events that are not stored, or otherwise, by place, with the millisecond their rows are to be of: above what is
   * stored, whatever clock wrote that.
   */
  readonly toWrite: ReadonlyMap<string, number>;
  /** Rows that take out stored events which the source does not give any more. */
  readonly deletions: readonly string[];
  readonly marks: readonly string[];
  readonly recounts: readonly string[];
}

/**
 * Compares a slice of a source that was read again with what is stored of it. Settling a range corrects what is
 * stored; a recount only adds what is missing, and records what it found. Stored events that the answer lacks are asked
 * for again before they are believed to be gone.
 */
export async function compareReread(
  context: WorkerContext,
  payload: OrdersPayload & { readonly reread: Reread },
  events: readonly OrderEvent[],
): Promise<Comparison> {
  const { reread, fetchedAt, source } = payload;
  const slice: EventSlice = { source, ...reread.slice };
  const stored = await storedContents(context.database, slice);
  const missing = events.filter((event) => !stored.has(placeOf(event)));
  const different = events.filter((event) => {
    const content = stored.get(placeOf(event));
    return content !== undefined && content !== contentOf(event);
  });
  const gone = [...stored.keys()].filter(isGone(payload, events));

  const answers = (reread.missing?.answers ?? 0) + 1;
  const isSure = gone.length === 0 || answers >= ANSWERS_NEEDED;
  if (!isSure) await askAgain(context, reread, { answers, places: gone });

  const toDelete = isSure && reread.reason === 'settle' ? gone : [];
  const changed = [...missing, ...different].map(placeOf);
  const refused = await countRefused(context, missing);
  const ids = [...changed, ...toDelete].map(idOf);
  const versions = await storedVersions(context.database, slice, ids);
  const above = (place: string) => Math.max(fetchedAt, Number((versions.get(place)?.version ?? 0n) / 2n) + 1);
  return {
    toWrite: new Map(changed.map((place) => [place, above(place)])),
    deletions: toDelete.flatMap((place) => {
      const key = versions.get(place)?.key;
      return key === undefined ? [] : [deletedEventRow(key, String(above(place) * 2))];
    }),
    marks:
      isSure && reread.mark !== undefined
        ? [answerRow(source, reread.mark, { changed: toDelete.length + changed.length > refused })]
        : [],
    recounts:
      isSure && reread.reason === 'recount'
        ? [
            recountRow({
              source,
              from: slice.from.position,
              to: slice.to.position,
              // Slices of one second have the same positions.
              request: slice.from.id === '' ? reread.request : `${reread.request}/${slice.from.id}`,
              recountedAt: fetchedAt,
              upstreamEvents: payload.records.length,
              storedEvents: stored.size,
              missing: missing.length - refused,
              unexpected: gone.length,
              different: different.length,
              examples: [...changed, ...gone].slice(0, EXAMPLES).map(idOf),
            }),
          ]
        : [],
  };
}

/**
 * How many of the missing events are in quarantine because ClickHouse refuses their rows. They are written once more, for
 * the table may be mended, but are no change: or their range would be read again without end.
 */
async function countRefused(context: WorkerContext, missing: readonly OrderEvent[]): Promise<number> {
  const hashes = missing.map((event) =>
    rowHash('order_event_versions', orderEventRow(event, undefined, undefined, 0)),
  );
  return (await refusedRows(context.database, 'order_event_versions', hashes)).size;
}

/**
 * Whether what is stored at a place is not given any more, by this answer or any before it. A record that could not be
 * used speaks for its id at any time; one without an id could be any.
 */
function isGone(
  { records, reread }: OrdersPayload & { readonly reread: Reread },
  events: readonly OrderEvent[],
): (place: string) => boolean {
  const given = new Set(events.map(placeOf));
  const usable = new Set(events.map(({ id }) => id));
  const broken = new Set<string>();
  for (const record of records) {
    const id = (record as { id?: unknown } | null)?.id;
    if (typeof id !== 'string') return () => false;
    if (!usable.has(id.toLowerCase())) broken.add(id.toLowerCase());
  }
  const before = reread.missing === undefined ? undefined : new Set(reread.missing.places);
  return (place) => !given.has(place) && !broken.has(idOf(place)) && (before?.has(place) ?? true);
}

function idOf(place: string): string {
  return place.slice(place.indexOf('/') + 1);
}

async function askAgain(
  context: WorkerContext,
  { reason, request, mark, slice }: Reread,
  missing: NonNullable<Reread['missing']>,
): Promise<void> {
  await context.queues.add(
    'fetch.goldsky',
    'reread',
    {
      kind: 'reread',
      reason,
      request,
      cursor: slice.from,
      to: slice.to.position + (slice.to.id === '' ? 0 : 1),
      missing,
      ...(mark === undefined ? {} : { mark }),
    },
    {
      jobId: `again-${request}-${contentHash([slice.from])}-${missing.answers}`,
      priority: PRIORITY.reread,
      delayMs: ASK_AGAIN_MS,
    },
  );
}
