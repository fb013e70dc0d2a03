import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseLossless } from '../../src/sources/losslessJson.ts';

/** JSON text with numbers of any length and nesting of any depth, where JSON.stringify has neither. */
const json: fc.Arbitrary<string> = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.letrec<{ any: string; leaf: string; list: string; object: string }>((tie) => ({
    any: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('list'), tie('object')),
    leaf: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }).map((text) => JSON.stringify(text)),
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
      fc.constantFrom(
        '1e400',
        '-1e999',
        '-0',
        '9007199254740993',
        '1.5e3',
        'null',
        'true',
        '"[[1e400"',
        '"\\\\"',
      ),
      fc.nat(150).map((depth) => `${'['.repeat(depth)}1${']'.repeat(depth)}`),
      fc.nat(150).map((depth) => `${'{"a]":'.repeat(depth)}"}"${'}'.repeat(depth)}`),
    ),
    list: fc.array(tie('any'), { maxLength: 4 }).map((items) => `[${items.join(' , ')}]`),
    object: fc
      .array(fc.tuple(fc.string({ maxLength: 4 }), tie('any')), { maxLength: 4 })
      .map((fields) => `{${fields.map(([name, value]) => `${JSON.stringify(name)}: ${value}`).join(',')}}`),
  })).any,
);

/** What was kept as text, put back as it came. A zero has no sign: JSON.stringify knows none. */
function restored(value: unknown): unknown {
  if (typeof value === 'number') return value + 0;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(restored);
  const entries = Object.entries(value);
  const [[name, kept] = [], ...others] = entries;
  if (others.length === 0 && typeof kept === 'string' && (name === 'number' || name === 'json')) {
    return JSON.parse(kept);
  }
  return Object.fromEntries(entries.map(([key, inner]) => [key, restored(inner)]));
}

test('whatever JSON comes, what is parsed goes through Redis, and nothing of it is lost', () => {
  fc.assert(
    fc.property(json, (text) => {
      const arrived: unknown = JSON.parse(JSON.stringify(parseLossless(text)));
      expect(restored(arrived)).toEqual(restored(JSON.parse(text)));
    }),
    { numRuns: 1_000 },
  );
});

test('an integer keeps every digit', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), (integer) => {
      const parsed = parseLossless(`[${integer}]`) as [number | { number: string }];
      const [value] = parsed;
      expect(typeof value === 'number' ? BigInt(value) : BigInt(value.number)).toBe(integer);
    }),
  );
});
