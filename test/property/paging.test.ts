import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareCursors, type Cursor } from '../../src/domain/coverage.ts';
import { UpstreamError } from '../../src/sources/upstreamError.ts';
import { ModelSubgraph, type Lie } from './modelSubgraph.ts';
import { events, FUTURE, id, second, showsPlace, START, type Event } from './pagedEvents.ts';
import { Reader } from './reader.ts';

/** Each starts where the one before ended, or within it. */
function expectContiguous(ranges: Reader['ranges'], from: Cursor): Cursor {
  let reached = from;
  for (const range of ranges) {
    expect(compareCursors(range.from, reached), JSON.stringify(ranges)).toBeLessThanOrEqual(0);
    expect(compareCursors(range.to, range.from)).toBeGreaterThan(0);
    if (compareCursors(range.to, reached) > 0) reached = range.to;
  }
  return reached;
}

/** True where a reader had to stop. */
async function isStuck(reading: Promise<void>): Promise<boolean> {
  try {
    await reading;
    return false;
  } catch (error) {
    if (error instanceof UpstreamError && error.code === 'GOLDSKY_CURSOR_STUCK') return true;
    throw error;
  }
}

/** Records that do not say where they stand, in a way that can be believed. */
function placeless(all: readonly Event[]): number {
  return all.filter(({ record, place }) => place.position === FUTURE || !showsPlace(record, place)).length;
}

/** A page of records without a place gives no way to go on; what lies between them may come later. */
function mayStick(all: readonly Event[], pageSize: number): boolean {
  return placeless(all) >= pageSize;
}

function mostInASecond(all: readonly Event[]): number {
  const counts = new Map<number, number>();
  for (const { place } of all) counts.set(place.position, (counts.get(place.position) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

const pageSize = fc.integer({ min: 1, max: 12 });

/** What the subgraph has indexed at each poll, in seconds after the start; its newest second fills up. */
const heads = fc.array(second, { minLength: 1, maxLength: 4 }).map((seconds) => {
  const last = Math.max(...seconds);
  // Each twice: what is late in its second is there the second time, or once the head has moved on.
  return [...seconds.toSorted((a, b) => a - b).flatMap((head) => [head, head]), last + 300, last + 300];
});

function visible(all: readonly Event[], polls: readonly number[], nth: number): Event[] {
  const head = polls[nth] ?? 0;
  const isFull = polls[nth - 1] === head;
  return all.filter(({ place: { position }, isLate }) => {
    if (position === FUTURE || position < START + head) return true;
    return position === START + head && (isFull || !isLate);
  });
}

/** Polls a growing subgraph. Gives true where the reader is stuck. */
async function readTail(
  reader: Reader,
  subgraph: ModelSubgraph,
  all: readonly Event[],
  polls: readonly number[],
) {
  let position = START;
  for (const [nth, head] of polls.entries()) {
    subgraph.head = START + head;
    subgraph.events = visible(all, polls, nth);
    if (await isStuck(reader.poll(nth))) return true;
    expect(reader.cursor?.position).toBeGreaterThanOrEqual(position);
    position = reader.cursor?.position ?? position;
  }
  // What a killed worker or a lie has left is for the polls that follow: until one brings nothing new.
  subgraph.lies.splice(0);
  let before;
  for (let nth = polls.length; before !== reader.standing; nth++) {
    before = reader.standing;
    if (await isStuck(reader.poll(nth))) return true;
  }
  return false;
}

function expectAllRead(reader: Reader, all: readonly Event[]): void {
  const missing = all.filter(({ tag, place }) => !reader.landed.has(tag) && place.position !== FUTURE);
  expect(missing).toEqual([]);
}

test('the tail reads every event of a growing subgraph, and what it says is covered holds all there is', async () => {
  await fc.assert(
    fc.asyncProperty(events, heads, pageSize, async (all, polls, size) => {
      const subgraph = new ModelSubgraph();
      const reader = new Reader(subgraph, size);
      if (await readTail(reader, subgraph, all, polls)) expect(mayStick(all, size)).toBe(true);
      else expectAllRead(reader, all);
      expectContiguous(reader.ranges, { position: START, id: '' });
      expect(subgraph.requests).toBeLessThan(20 * (all.length + polls.length));
    }),
    { numRuns: 120 },
  );
});

test('a tail whose worker is killed anywhere reads every event, too, and says nothing is covered that is not', async () => {
  const crashes = fc.array(fc.nat(80), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(events, heads, pageSize, crashes, async (all, polls, size, killedAt) => {
      const subgraph = new ModelSubgraph();
      const reader = new Reader(subgraph, size, killedAt);
      // A burst whose reading is broken off is not begun anew: what came into its second meanwhile is for rereads.
      const inTime = all.map((one) => ({ ...one, isLate: false }));
      if (await readTail(reader, subgraph, inTime, polls)) expect(mayStick(all, size)).toBe(true);
      else expectAllRead(reader, all);
      expectContiguous(reader.ranges, { position: START, id: '' });
    }),
    { numRuns: 120 },
  );
});

test('servers that lag or have lost everything, now and then, make the tail skip no event', async () => {
  const lies = fc.array(fc.constantFrom<Lie>('none', 'none', 'lags', 'has nothing'), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(events, heads, pageSize, lies, async (all, polls, size, told) => {
      const subgraph = new ModelSubgraph();
      subgraph.lies.push(...told.filter((lie, nth) => lie === 'none' || !isLongLie(told, nth)));
      const reader = new Reader(subgraph, size, [], false);
      if (await readTail(reader, subgraph, all, polls)) expect(mayStick(all, size)).toBe(true);
      else expectAllRead(reader, all);
    }),
    { numRuns: 120 },
  );
});

/** The same lie often enough in a row is believed: a reorg looks like it. */
function isLongLie(told: readonly Lie[], nth: number): boolean {
  return told.slice(Math.max(0, nth - 2), nth).every((lie) => lie !== 'none') && nth >= 2;
}

test('a past range is read whole, and covered from end to end', async () => {
  const bounds = fc
    .tuple(second, second)
    .map(([a, b]) => [START + Math.min(a, b), START + Math.max(a, b) + 1] as const);
  const slack = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      events,
      bounds,
      pageSize,
      fc.option(id, { nil: '' }),
      slack,
      async (all, [from, to], size, after, more) => {
        // Less than was asked for, but more than a second holds: a page that brings no progress looks like the end.
        const subgraph = new ModelSubgraph(
          more === undefined ? Infinity : more + mostInASecond(all) + placeless(all),
        );
        subgraph.head = START + 1_000;
        subgraph.events = all;
        const reader = new Reader(subgraph, size);
        const cursor = { position: from, id: after };
        const chain = { id: 'range', step: 0 };
        const stuck = await isStuck(reader.chain({ kind: 'range', cursor, to, chain }));
        if (stuck) {
          expect(mayStick(all, size)).toBe(true);
          return;
        }
        expect(expectContiguous(reader.ranges, cursor)).toEqual({ position: to, id: '' });
        const wanted = all.filter(({ place }) => compareCursors(place, cursor) > 0 && place.position < to);
        expect(wanted.filter(({ tag }) => !reader.landed.has(tag))).toEqual([]);
      },
    ),
    { numRuns: 120 },
  );
});
