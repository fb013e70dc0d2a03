import type { OrderEvent } from '../src/domain/orderEvent.ts';
import { idOf, placeOf } from '../src/store/storedEvents.ts';
import { answerRow } from '../src/store/unsettled.ts';
import type { OrdersPage, Reread } from '../queues/payloads.ts';
import { addReread } from '../queues/rereads.ts';
import { corrections, countRefused, lookUp, recountOf, type Comparison } from './comparison.ts';
import { contentHash } from './contentHash.ts';
import type { WorkerContext } from './context.ts';
import { GOLDSKY } from './goldskyPage.ts';

/** An event that several answers in a row did not hold is gone; a single answer may be wrong. */
const ANSWERS_NEEDED = 3;
const ASK_AGAIN_MS = 2_500;

/**
 * Compares a slice of the subgraph that was read again with what is stored of it. Settling a range corrects what is
 * stored; a recount only adds what is missing, and records what it found. Stored events that the answer lacks are asked
 * for again before they are believed to be gone.
 * @param isRedone a try before may have corrected what is found to be right now
 */
export async function compareReread(
  context: WorkerContext,
  payload: OrdersPage & { readonly reread: Reread },
  events: readonly OrderEvent[],
  isRedone: boolean,
): Promise<Comparison> {
  const { reread, fetchedAt, source } = payload;
  const found = await lookUp(context, { source, ...reread.slice }, events);
  const gone = [...found.stored.keys()].filter(isGone(payload, events));

  const answers = (reread.missing?.answers ?? 0) + 1;
  const isSure = gone.length === 0 || answers >= ANSWERS_NEEDED;
  if (!isSure) await askAgain(context, reread, { answers, places: gone });

  const toDelete = isSure && reread.reason === 'settle' ? gone : [];
  const refused = await countRefused(context, found.missing);
  const changes = toDelete.length + found.missing.length + found.different.length;
  return {
    ...(await corrections(context, found, toDelete, fetchedAt)),
    marks:
      isSure && reread.mark !== undefined
        ? [answerRow(source, reread.mark, { changed: isRedone || changes > refused })]
        : [],
    recounts:
      isSure && reread.reason === 'recount'
        ? [recountOf(payload, reread, found, { refused, unexpected: gone })]
        : [],
  };
}

/**
 * Whether what is stored at a place is not given any more, by this answer or any before it. A record that could not be
 * used speaks for its id at any time; one without an id could be any.
 */
function isGone(
  { records, reread }: OrdersPage & { readonly reread: Reread },
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

async function askAgain(
  context: WorkerContext,
  { reason, request, mark, slice }: Reread,
  missing: NonNullable<Reread['missing']>,
): Promise<void> {
  await addReread(
    context.queues,
    GOLDSKY,
    {
      reason,
      request,
      cursor: slice.from,
      to: slice.to.position + (slice.to.id === '' ? 0 : 1),
      missing,
      ...(mark === undefined ? {} : { mark }),
    },
    {
      jobId: `again-${request}-${contentHash([slice.from])}-${missing.answers}`,
      delayMs: ASK_AGAIN_MS,
    },
  );
}
