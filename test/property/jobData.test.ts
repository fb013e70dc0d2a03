import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GoldskySource } from '../../src/sources/goldsky.ts';
import { encodeRows } from '../../src/store/batch.ts';
import { packedHash, packRecords, recordsOf } from '../../queues/packedRecords.ts';
import type { FetchGoldskyPayload, OrdersPage, WritesPayload } from '../../queues/payloads.ts';
import { checkPayload } from '../../queues/producer.ts';
import { contentHash } from '../../workers/contentHash.ts';
import { fetchGoldsky } from '../../workers/fetch.goldsky.ts';
import { cursor } from './arbitraries.ts';
import { MemoryContext } from './memoryContext.ts';
import { ModelSubgraph, type ModelEvent } from './modelSubgraph.ts';

/** Values as they come out of JSON.parse; a zero has no sign in JSON. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

const throughRedis = <T>(value: T): unknown => JSON.parse(JSON.stringify(value));

describe('job data', () => {
  test('of a page comes out of Redis as it went in, whatever its records are', () => {
    const payload: fc.Arbitrary<OrdersPage> = fc.record({
      source: fc.string(),
      fetchedAt: fc.nat(),
      range: fc.option(fc.record({ from: cursor, to: cursor })),
      records: fc.array(json, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(payload, (page) => {
        const plain = { ...page, records: [...page.records] };
        for (const sent of [plain, { ...page, records: packRecords(page.records) }]) {
          const arrived = checkPayload('orders', throughRedis(checkPayload('orders', sent)));
          expect(arrived).toEqual(sent);
          const records = recordsOf(arrived.records);
          expect(JSON.stringify(records)).toBe(JSON.stringify(page.records));
          // A job of a kept page may be found again by what it carries.
          expect(packedHash(packRecords(records))).toBe(packedHash(packRecords(page.records)));
        }
      }),
    );
  });

  test('of a write comes out of Redis as it went in, line by line', () => {
    const lines = fc.array(
      fc.array(json, { maxLength: 3 }).map((row) => JSON.stringify(row)),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(lines, cursor, cursor, (rows, from, to) => {
        const write: WritesPayload = {
          rows: { order_event_versions: encodeRows(rows) },
          coverage: [{ source: 's', from, to, events: rows.length, quarantined: 0 }],
        };
        const arrived = checkPayload('writes', throughRedis(checkPayload('writes', write)));
        expect(arrived).toEqual(write);
        expect(arrived.rows.order_event_versions?.lines.split('\n').slice(0, -1)).toEqual(rows);
      }),
    );
  });
});

test('pages with other content have another hash', () => {
  const records = fc.array(json, { maxLength: 4 });
  fc.assert(
    fc.property(records, records, (a, b) => {
      expect(contentHash(a) === contentHash(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

describe('a fetch that is done twice', () => {
  const START = 1_714_000_000;
  const events = fc.uniqueArray(fc.tuple(fc.nat(5), fc.stringMatching(/^[0-9a-f]{1,3}$/)), {
    maxLength: 20,
    selector: ([second, id]) => `${second}/${id}`,
  });

  /** What one fetch adds: a page, where there is news, and the next fetch, where there is more. */
  async function jobsAdded(made: readonly (readonly [number, string])[]) {
    const subgraph = new ModelSubgraph();
    subgraph.head = START + 5;
    subgraph.events = made.map(([second, id]): ModelEvent => {
      const place = { position: START + second, id };
      return { place, record: { id, timestamp: String(place.position) } };
    });
    const source = new GoldskySource({ url: 'http://subgraph', fetch: subgraph.fetch });
    const memory = new MemoryContext({ goldsky: source });
    memory.state = { chainId: 'poll' };
    const from = { position: START, id: '' };
    const payload: FetchGoldskyPayload = {
      kind: 'tail',
      cursor: from,
      chain: { id: 'poll', step: 3 },
      pageSize: 6,
    };
    await memory.run(fetchGoldsky(memory.context), 'fetch.goldsky', { id: 'goldsky-poll-3', payload });
    const [page] = memory.take('orders');
    return {
      page: page === undefined ? undefined : { id: page.id, records: JSON.stringify(page.payload.records) },
      fetches: memory.take('fetch.goldsky').map(({ id }) => id),
    };
  }

  test('adds the same jobs; with another answer, another page and the same next fetch', async () => {
    await fc.assert(
      fc.asyncProperty(events, events, async (some, others) => {
        const first = await jobsAdded(some);
        expect(await jobsAdded(some)).toEqual(first);
        const second = await jobsAdded(others);
        expect(first.page?.id === second.page?.id).toBe(first.page?.records === second.page?.records);
        for (const id of [...first.fetches, ...second.fetches]) expect(id).toBe('goldsky-poll-4');
      }),
    );
  });
});
