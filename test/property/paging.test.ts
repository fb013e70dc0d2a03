import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareCursors, type Cursor } from '../../src/domain/coverage.ts';
import { GoldskySource } from '../../src/sources/goldsky.ts';
import { UpstreamError } from '../../src/sources/upstreamError.ts';
import type { FetchGoldskyPayload, OrdersPayload } from '../../queues/payloads.ts';
import { fetchGoldsky } from '../../workers/fetch.goldsky.ts';
import { MemoryContext } from './memoryContext.ts';
import { ModelSubgraph } from './modelSubgraph.ts';

/** The first second of the model; long past, but for the records that claim to be of the future. */
const START = Math.floor(Date.now() / 1000) - 20_000;
const FUTURE = START + 20_000 + 200_000;

type Damage = 'none' | 'no id' | 'no time' | 'no object' | 'no amount';

/** A record as the subgraph gives it, so far as paging looks at it; its tag says which one it is. */
function recordOf({ position, id }: Cursor, damage: Damage, tag: number): unknown {
  const record = { id, timestamp: String(position), makerAmountFilled: '1', tag };
  switch (damage) {
    case 'none':
      return record;
    case 'no id':
      return { ...record, id: null };
    case 'no time':
      return { ...record, timestamp: tag };
    case 'no object':
      return tag;
    case 'no amount':
      return { ...record, makerAmountFilled: null };
  }
}

function tagOf(record: unknown): number {
  return typeof record === 'number' ? record : (record as { tag: number }).tag;
}

/** Few seconds, so that many share one; quiet times between them; ids as they are and in any letters. */
const second = fc.oneof(
  { weight: 8, arbitrary: fc.nat(5) },
  { weight: 4, arbitrary: fc.constantFrom(200, 201, 202) },
);
const id = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 1, maxLength: 4 }),
  },
  { weight: 1, arbitrary: fc.constantFrom('é', '\uffee', '\u{1f600}', 'Z') },
);
const damage = fc.oneof(
  { weight: 9, arbitrary: fc.constant<Damage>('none') },
  { weight: 1, arbitrary: fc.constantFrom<Damage>('no id', 'no time', 'no object', 'no amount') },
);

const event = fc.record({
  second,
  id,
  damage,
  isFuture: fc.integer({ min: 0, max: 40 }).map((n) => n === 0),
  /** When it is of the newest second: whether it is there at once, or only with the next poll. */
  isLate: fc.boolean(),
});

const events = fc
  .tuple(
    fc.array(event, { maxLength: 40 }),
    // A burst: far more in one second than a page holds.
    fc.option(fc.record({ second, ids: fc.uniqueArray(id, { maxLength: 60 }) }), { nil: undefined }),
  )
  .map(([some, burst]) => {
    const all = [
      ...some,
      ...(burst?.ids ?? []).map((one) => ({
        second: burst?.second ?? 0,
        id: one,
        damage: 'none' as const,
        isFuture: false,
        isLate: one.length % 2 === 0,
      })),
    ];
    const byPlace = new Map(all.map((one) => [`${one.isFuture ? 'future' : one.second}/${one.id}`, one]));
    return [...byPlace.values()].map((one, tag) => {
      const place = { position: one.isFuture ? FUTURE : START + one.second, id: one.id };
      return { place, record: recordOf(place, one.damage, tag), tag, isLate: one.isLate, damage: one.damage };
    });
  });

type Event = typeof events extends fc.Arbitrary<(infer T)[]> ? T : never;

const hasPlace = ({ damage: kind, place }: Event) =>
  (kind === 'none' || kind === 'no amount') && place.position !== FUTURE;

/** What the pipeline does with a subgraph, a page a job; and what it then has. */
class Reader {
  readonly #memory: MemoryContext;
  readonly #subgraph: ModelSubgraph;
  readonly #run;
  readonly landed = new Set<number>();
  readonly ranges: { readonly from: Cursor; readonly to: Cursor }[] = [];

  constructor(subgraph: ModelSubgraph, pageSize: number) {
    this.#subgraph = subgraph;
    const source = new GoldskySource({ url: 'http://subgraph', fetch: subgraph.fetch });
    const small = Object.assign(Object.create(source) as GoldskySource, {
      fetchPage: (cursor, options) => source.fetchPage(cursor, { ...options, pageSize }),
    } satisfies Partial<GoldskySource>);
    this.#memory = new MemoryContext({ goldsky: small });
    this.#run = fetchGoldsky(this.#memory.context);
  }

  get cursor(): Cursor | undefined {
    return this.#memory.state.cursor;
  }

  /** One poll: the tail's chain, from where the last one ended. */
  async poll(nth: number): Promise<void> {
    const cursor = this.cursor ?? { position: START, id: '' };
    const { known } = this.#memory.state;
    this.#memory.state = { ...this.#memory.state, chainId: `poll${nth}` };
    await this.chain({
      kind: 'tail',
      cursor,
      chain: { id: `poll${nth}`, step: 0 },
      ...(known === undefined ? {} : { known }),
    });
  }

  /** A job and all that follow it. */
  async chain(payload: FetchGoldskyPayload): Promise<void> {
    let job: { id: string; payload: FetchGoldskyPayload } | undefined = {
      id: `job ${JSON.stringify(payload)}`,
      payload,
    };
    for (let steps = 0; job !== undefined; steps++) {
      if (steps > 500) throw new Error('the chain has no end');
      await this.#memory.run(this.#run, 'fetch.goldsky', job, 10);
      for (const page of this.#memory.take('orders')) this.#land(page.payload);
      job = this.#memory.take('fetch.goldsky')[0];
    }
  }

  #land({ records, range }: OrdersPayload): void {
    const tags = new Set(records.map(tagOf));
    for (const tag of tags) this.landed.add(tag);
    if (range === null) return;
    this.ranges.push(range);
    // A covered range holds all there is in it.
    const inside = this.#subgraph.events.filter(
      ({ place }) => compareCursors(place, range.from) > 0 && compareCursors(place, range.to) <= 0,
    );
    const missing = inside.filter(({ record }) => !tags.has(tagOf(record)));
    expect({ range, missing }).toEqual({ range, missing: [] });
  }
}

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

/** True where a reader had to stop: a page full of records without a place gives no way to go on. */
async function isStuck(reading: Promise<void>): Promise<boolean> {
  try {
    await reading;
    return false;
  } catch (error) {
    if (error instanceof UpstreamError && error.code === 'GOLDSKY_CURSOR_STUCK') return true;
    throw error;
  }
}

function mayStick(all: readonly Event[], pageSize: number): boolean {
  let inARow = 0;
  for (const one of all.toSorted((a, b) => compareCursors(a.place, b.place))) {
    inARow = hasPlace(one) ? 0 : inARow + 1;
    if (inARow >= pageSize) return true;
  }
  return false;
}

function mostInASecond(all: readonly Event[]): number {
  const counts = new Map<number, number>();
  for (const { place } of all) counts.set(place.position, (counts.get(place.position) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

const pageSize = fc.integer({ min: 1, max: 12 });

test('the tail reads every event of a growing subgraph, and what it says is covered holds all there is', async () => {
  const heads = fc.array(second, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(events, heads, pageSize, async (all, seconds, size) => {
      const subgraph = new ModelSubgraph();
      const reader = new Reader(subgraph, size);
      const last = Math.max(0, ...seconds);
      let before: Cursor = { position: START, id: '' };
      // Each head twice: what is late in its second is there the second time, or once the head has moved on.
      const polls = [
        ...seconds.toSorted((a, b) => a - b).flatMap((head) => [head, head]),
        last + 300,
        last + 300,
      ];
      let stuck = false;
      for (const [nth, head] of polls.entries()) {
        subgraph.head = START + head;
        const isSecond = polls[nth - 1] === head;
        subgraph.events = all.filter(({ place, isLate }) => {
          if (place.position === FUTURE) return true;
          return place.position < START + head || (place.position === START + head && (isSecond || !isLate));
        });
        stuck = await isStuck(reader.poll(nth));
        if (stuck) break;
        const { cursor } = reader;
        expect(cursor?.position).toBeGreaterThanOrEqual(before.position);
        before = cursor ?? before;
      }
      expectContiguous(reader.ranges, { position: START, id: '' });
      expect(subgraph.requests).toBeLessThan(20 * (all.length + polls.length));
      if (stuck) expect(mayStick(all, size)).toBe(true);
      else
        expect(all.filter(({ tag, place }) => !reader.landed.has(tag) && place.position !== FUTURE)).toEqual(
          [],
        );
    }),
    { numRuns: 150 },
  );
});

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
        // Less than was asked for, but never less than a second holds: a page of ties alone looks like the end.
        const subgraph = new ModelSubgraph(more === undefined ? Infinity : more + mostInASecond(all));
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
    { numRuns: 150 },
  );
});
