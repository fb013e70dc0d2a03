import type { OrderEvent } from '../src/domain/orderEvent.ts';
import { refusedRows } from '../src/store/quarantine.ts';
import { rowHash } from '../src/store/rowKey.ts';
import {
  contentOf,
  idOf,
  placeOf,
  storedContents,
  storedVersions,
  type EventSlice,
  type StoredEvent,
} from '../src/store/storedEvents.ts';
import { deletedEventRow, orderEventRow, recountRow } from '../src/store/tables.ts';
import type { OrdersPage, Reread } from '../queues/payloads.ts';
import type { WorkerContext } from './context.ts';

const EXAMPLES = 10;

/** What is to be written of a slice that was read again, and what was found in it. */
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

/** What an answer says of a slice, beside what is stored of it. */
export interface Found {
  readonly slice: EventSlice;
  readonly stored: ReadonlyMap<string, StoredEvent>;
  /** Given but not stored, and stored with other content. */
  readonly missing: readonly OrderEvent[];
  readonly different: readonly OrderEvent[];
}

export async function lookUp(
  context: WorkerContext,
  slice: EventSlice,
  events: readonly OrderEvent[],
): Promise<Found> {
  const stored = await storedContents(context.database, slice);
  const missing = events.filter((event) => !stored.has(placeOf(event)));
  const different = events.filter((event) => {
    const before = stored.get(placeOf(event));
    return before !== undefined && before.content !== contentOf(event);
  });
  return { slice, stored, missing, different };
}

/**
 * The rows that correct what is stored.
 * @param toDelete places that are to be taken out
 * @param fetchedAt millisecond of the answer
 */
export async function corrections(
  context: WorkerContext,
  { slice, missing, different }: Found,
  toDelete: readonly string[],
  fetchedAt: number,
): Promise<Pick<Comparison, 'toWrite' | 'deletions'>> {
  const changed = [...missing, ...different].map(placeOf);
  const ids = [...changed, ...toDelete].map(idOf);
  const versions = await storedVersions(context.database, slice, ids);
  const above = (place: string) => Math.max(fetchedAt, Number((versions.get(place)?.version ?? 0n) / 2n) + 1);
  return {
    toWrite: new Map(changed.map((place) => [place, above(place)])),
    deletions: toDelete.flatMap((place) => {
      const key = versions.get(place)?.key;
      return key === undefined ? [] : [deletedEventRow(key, String(above(place) * 2))];
    }),
  };
}

/**
 * How many of the missing events are in quarantine because ClickHouse refuses their rows. They are written once more, for
 * the table may be mended, but are no change: or their range would be read again without end.
 */
export async function countRefused(context: WorkerContext, missing: readonly OrderEvent[]): Promise<number> {
  if (missing.length === 0) return 0;
  const hashes = missing.map((event) =>
    rowHash('order_event_versions', orderEventRow(event, undefined, undefined, 0)),
  );
  return (await refusedRows(context.database, 'order_event_versions', hashes)).size;
}

/** The row of `recounts` that says what an answer found. */
export function recountOf(
  { source, fetchedAt, records }: OrdersPage,
  { request, slice }: Reread,
  { stored, missing, different }: Found,
  { refused, unexpected }: { readonly refused: number; readonly unexpected: readonly string[] },
): string {
  return recountRow({
    source,
    from: slice.from.position,
    to: slice.to.position,
    // Slices of one second have the same positions.
    request: slice.from.id === '' ? request : `${request}/${slice.from.id}`,
    recountedAt: fetchedAt,
    upstreamEvents: records.length,
    storedEvents: stored.size,
    missing: missing.length - refused,
    unexpected: unexpected.length,
    different: different.length,
    examples: [...[...missing, ...different].map(placeOf), ...unexpected].slice(0, EXAMPLES).map(idOf),
  });
}
