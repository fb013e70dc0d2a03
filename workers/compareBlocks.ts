import type { OrderEvent } from '../src/domain/orderEvent.ts';
import { placeOf, type EventSlice } from '../src/store/storedEvents.ts';
import { answerRow } from '../src/store/unsettled.ts';
import type { BlockStamp, OrdersPage } from '../queues/payloads.ts';
import { corrections, countRefused, lookUp, recountOf, type Comparison } from './comparison.ts';
import type { WorkerContext } from './context.ts';

/** Seconds by which blocks of the same number may differ, and seconds a block takes at most on the whole. */
const SLACK_S = 120;
const LONGEST_BLOCK_S = 10;

/**
 * Compares blocks that were read (again) with what is stored of them, by block hash: events of a block that is not the
 * chain's any more are taken out, in the same insert that writes those of the block in its place. An event of a block
 * that still is, which the answer lacks, was given before: the node that answered lacks it, so it stays.
 */
export async function compareBlocks(
  context: WorkerContext,
  payload: OrdersPage & { readonly blocks: readonly BlockStamp[] },
  events: readonly OrderEvent[],
): Promise<Comparison> {
  const { reread, fetchedAt, source, blocks } = payload;
  const found = await lookUp(context, sliceOf(payload), events);
  const given = new Set(events.map(placeOf));
  const hashes = new Map(blocks.map(({ number, hash }) => [number, hash]));
  const absent = [...found.stored].filter(([place]) => !given.has(place));
  const orphaned = absent
    .filter(([, { blockNumber, blockHash }]) => (hashes.get(blockNumber) ?? blockHash) !== blockHash)
    .map(([place]) => place);

  const toDelete = reread?.reason === 'recount' ? [] : orphaned;
  const refused = await countRefused(context, found.missing);
  const changes = toDelete.length + found.missing.length + found.different.length;
  return {
    ...(await corrections(context, found, toDelete, fetchedAt)),
    marks: reread?.mark === undefined ? [] : [answerRow(source, reread.mark, { changed: changes > refused })],
    recounts:
      reread?.reason === 'recount'
        ? [recountOf(payload, reread, found, { refused, unexpected: absent.map(([place]) => place) })]
        : [],
  };
}

/** The blocks' events, and the seconds in which they must lie. */
function sliceOf({
  source,
  reread,
  blocks,
}: OrdersPage & { readonly blocks: readonly BlockStamp[] }): EventSlice {
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError('No blocks are given.');
  const { from, to } = reread?.slice ?? {
    from: { position: first.number, id: '' },
    to: { position: last.number + 1, id: '' },
  };
  const before = (first.number - from.position) * LONGEST_BLOCK_S;
  const after = (to.position - 1 - last.number) * LONGEST_BLOCK_S;
  return {
    source,
    from,
    to,
    seconds: {
      from: Math.max(0, first.timestamp - before - SLACK_S),
      to: Math.min(2 ** 32 - 1, last.timestamp + after + SLACK_S),
    },
  };
}
