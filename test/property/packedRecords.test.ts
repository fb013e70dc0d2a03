import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { packedHash, packRecords, unpackRecords } from '../../queues/packedRecords.ts';
import { hex } from './arbitraries.ts';

/** Any JSON, as it comes out of JSON.parse: it may have a field named __proto__. */
const json = fc.json({ maxDepth: 2 }).map((text): unknown => JSON.parse(text));

/** What has a meaning in the packed form, and what stands at its edges. */
const oddText = fc.oneof(
  fc.constantFrom(
    '',
    '=',
    '*1',
    '*',
    '[a',
    '+',
    '-',
    ';',
    ',',
    '|',
    'a|b',
    'a,b',
    'a;b',
    'ä',
    '\n',
    '"',
    '\\',
  ),
  fc.constantFrom('abcdefghijk', 'abcdefghijkl', 'abcdefghijklm', 'abcdefghijkl,', 'abcdefghijkl;'),
  fc.string({ maxLength: 20 }),
);

const text = fc.oneof({ weight: 8, arbitrary: hex(20) }, oddText);

const usualRecord = fc
  .record({ transactionHash: text, orderHash: text, maker: text, fee: text })
  .map((record) => ({ id: `${record.transactionHash}_${record.orderHash}`, ...record }));

const log = fc.record({
  topics: fc.array(text, { maxLength: 3 }),
  data: text,
  removed: fc.boolean(),
  blockNumber: fc.oneof(text, fc.integer(), fc.constant(null)),
});

const record = fc.oneof(
  { weight: 6, arbitrary: usualRecord },
  { weight: 4, arbitrary: log },
  { weight: 1, arbitrary: usualRecord.map((one) => ({ ...one, id: one.transactionHash })) },
  { weight: 1, arbitrary: usualRecord.map(({ fee, ...rest }) => ({ fee, ...rest })) },
  { weight: 1, arbitrary: json },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('{"__proto__":"x"}', '{"__proto__":"x","id":"y"}')
      .map((t): unknown => JSON.parse(t)),
  },
);
const records = fc.array(record, { maxLength: 12 });

const throughRedis = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

test('records come out as they went in, whatever they are, fields in their order', () => {
  fc.assert(
    fc.property(records, (given) => {
      const unpacked = unpackRecords(throughRedis(packRecords(given)));
      expect(unpacked).toEqual(given);
      expect(JSON.stringify(unpacked)).toBe(JSON.stringify(given));
    }),
    { numRuns: 3_000 },
  );
});

test('the same records have the same hash, others another one', () => {
  fc.assert(
    fc.property(records, records, (some, others) => {
      const isSame = JSON.stringify(some) === JSON.stringify(others);
      expect(packedHash(packRecords(some)) === packedHash(packRecords(others))).toBe(isSame);
      expect(packedHash(packRecords(throughRedis(some)))).toBe(packedHash(packRecords(some)));
    }),
    { numRuns: 1_000 },
  );
});

test('a page of trades is less than half as long as its JSON', () => {
  const end = Date.UTC(2026, 0, 15) / 1000;
  const exchange = new SimulatedExchange({ start: end - 60, eventsPerSecond: 20, now: () => end * 1000 });
  const rows = [...exchange.events({ from: end - 60, to: end })].map(({ row }) => row);
  expect(rows.length).toBeGreaterThan(500);
  const packed = packRecords(rows);
  expect(packed.others).toEqual([]);
  expect(JSON.stringify(packed).length).toBeLessThan(JSON.stringify(rows).length / 2);
});
