import assert from 'node:assert/strict';
import { compareIds } from '../../src/domain/coverage.ts';
import type { FetchPageOptions, SubgraphPage } from '../../src/sources/goldsky.ts';
import { TABLES, type DataTable } from '../../src/store/tables.ts';
import type { OrdersPage } from '../../queues/payloads.ts';
import type { Write } from '../../workers/writes.ts';

/** What holds for every answer that is accepted. Plain assertions: there are millions of them. */

const ONE_DAY_S = 86_400;

interface Place {
  readonly timestamp: number;
  readonly id: string;
}

/** Where a record stands; undefined where it does not say so in a way that can be believed. */
function placeOf(record: unknown, latest: number): Place | undefined {
  if (typeof record !== 'object' || record === null) return undefined;
  const { id, timestamp } = record as Record<string, unknown>;
  if (typeof id !== 'string' || id === '' || typeof timestamp !== 'string') return undefined;
  if (!/^\d+$/.test(timestamp) || BigInt(timestamp) > BigInt(latest) || /\p{Surrogate}/u.test(id))
    return undefined;
  return { timestamp: Number(timestamp), id };
}

const compare = (a: Place, b: Place) => a.timestamp - b.timestamp || compareIds(a.id, b.id);

/** A page is what was asked for, and what it leaves unread lies beyond where it goes on. */
export function checkPage(
  body: unknown,
  page: SubgraphPage,
  cursor: Place,
  asked: FetchPageOptions & { readonly pageSize: number },
): void {
  const { data, errors } = body as { data: { orderFilledEvents: unknown[] }; errors?: unknown };
  assert(errors === undefined || errors === null || JSON.stringify(errors) === '[]', 'errors are no page');
  const records = data.orderFilledEvents;
  assert(records.length <= asked.pageSize, 'no more than was asked for');
  assert.equal(JSON.stringify(page.records), JSON.stringify(records.slice(0, page.records.length)));

  const latest = Math.floor(Date.now() / 1000) + ONE_DAY_S;
  const places = records.map((record) => placeOf(record, latest));
  for (const [index, place] of places.entries()) {
    if (place === undefined) continue;
    assert(compare(place, cursor) > 0, 'after the cursor');
    assert(place.timestamp < (asked.before ?? Infinity), 'before the end');
    assert(cursor.id === '' || place.timestamp === cursor.timestamp, 'of the second that was asked for');
    if (index >= page.records.length) {
      assert(compare(place, page.next) > 0, 'a record that is not kept is read again');
    } else if (page.next.id !== '' || page.full) {
      assert(compare(place, page.next) <= 0, 'a record that is kept lies before the next place');
    } else {
      assert(place.timestamp <= page.next.timestamp, 'or in the second that is read again');
    }
  }
  const { known } = asked;
  if (
    known !== undefined &&
    !places.some((place) => place?.id === known.id && place.timestamp === known.timestamp)
  ) {
    const last = places.findLast((place) => place !== undefined);
    assert(
      page.full && last !== undefined && compare(last, known) < 0,
      'what is known is there, or still to come',
    );
  }
  const furthest = Math.max(cursor.timestamp, ...places.map((place) => place?.timestamp ?? 0));
  assert(compare(page.next, cursor) >= 0, 'never back');
  assert(page.next.timestamp <= furthest + (cursor.id === '' ? 0 : 1), 'no further than the records');
  assert((page.head?.timestamp ?? 0) <= latest, 'a head of today');
}

/** What is covered begins where the page was asked for, and counts every record. */
export function checkCoverage({ range, records }: OrdersPage, { coverage }: Write): void {
  if (range === null) {
    assert.deepEqual(coverage, []);
    return;
  }
  const [covered] = coverage;
  assert.deepEqual([covered?.from, covered?.to], [range.from, range.to]);
  assert.equal((covered?.events ?? 0) + (covered?.quarantined ?? 0), records.length);
  const { from, to } = range;
  assert.doesNotMatch(from.id + to.id, /\p{Surrogate}/u, 'what ClickHouse takes');
  assert(from.position < to.position || (from.position === to.position && compareIds(from.id, to.id) < 0));
}

/** Every record is a row of its table or in quarantine as it came; every row has a value for every column. */
export function checkRows({ rows }: Write, records: readonly unknown[], table: DataTable): void {
  for (const [name, encoded] of Object.entries(rows)) {
    const lines = linesOf(encoded.lines);
    assert.equal(lines.length, encoded.count);
    const columns = TABLES[name as DataTable].length;
    for (const line of lines) {
      const values = JSON.parse(line) as unknown[];
      assert.equal(values.length, columns);
      assert(!line.includes('\\ud') || values.every(isTakenByClickHouse), 'what ClickHouse takes');
    }
  }
  const refused = linesOf(rows.quarantine_versions?.lines ?? '');
  assert.equal((rows[table]?.count ?? 0) + refused.length, records.length);
  if (refused.length === 0) return;
  const originals = new Set(records.map((record) => JSON.stringify(record)));
  for (const line of refused) {
    const [, , reason = '', original = ''] = JSON.parse(line) as string[];
    assert.match(reason, /^.{1,200}$/);
    assert(originals.has(original), 'the original is kept');
  }
}

/** Half a surrogate pair is none of its characters. */
function isTakenByClickHouse(value: unknown): boolean {
  return typeof value !== 'string' || !/\p{Surrogate}/u.test(value);
}

/** The rows of an insert. */
export function linesOf(lines: string | Buffer): string[] {
  return lines.toString().split('\n').slice(0, -1);
}
