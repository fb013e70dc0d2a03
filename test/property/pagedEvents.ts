import fc from 'fast-check';
import type { Cursor } from '../../src/domain/coverage.ts';

/** The first second of the model; long past, but for the records that claim to be of the future. */
export const START = Math.floor(Date.now() / 1000) - 20_000;
export const FUTURE = START + 20_000 + 200_000;

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

/** Which event a record is of. */
export function tagOf(record: unknown): number {
  return typeof record === 'number' ? record : (record as { tag: number }).tag;
}

/** Few seconds, so that many share one; quiet times between them; ids as they are and in any letters. */
export const second = fc.oneof(
  { weight: 8, arbitrary: fc.nat(5) },
  { weight: 4, arbitrary: fc.constantFrom(200, 201, 202) },
);
export const id = fc.oneof(
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

export const events = fc
  .tuple(
    fc.array(event, { maxLength: 24 }),
    // A burst: far more in one second than a page holds.
    fc.option(fc.record({ second, ids: fc.uniqueArray(id, { maxLength: 30 }) }), { nil: undefined }),
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

export type Event = typeof events extends fc.Arbitrary<(infer T)[]> ? T : never;

/** Whether a record says where it stands. */
export function showsPlace(record: unknown, { position, id: own }: Cursor): boolean {
  const { id: shown, timestamp } = Object(record) as { id?: unknown; timestamp?: unknown };
  return shown === own && timestamp === String(position);
}
