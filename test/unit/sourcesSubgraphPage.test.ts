import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lacksKnown, nextCursor, type SubgraphCursor } from '../../src/sources/subgraphPage.ts';

const record = (timestamp: number, id: string) => ({ timestamp: String(timestamp), id });
const LATEST = 200;
const START: SubgraphCursor = { timestamp: 100, id: '' };
const WITHIN: SubgraphCursor = { timestamp: 100, id: '0xb' };

describe('where to go on', () => {
  test.each([
    ['nothing', [], START, { timestamp: 100, id: '' }],
    [
      'a short page: its newest second again, whole',
      [record(100, '0xa'), record(103, '0xa')],
      START,
      { timestamp: 103, id: '' },
    ],
    [
      'a full page: after its last record',
      [record(100, '0xa'), record(101, '0xa'), record(101, '0xb')],
      START,
      { timestamp: 101, id: '0xb' },
    ],
    [
      'a full page within a second',
      [record(100, '0xc'), record(100, '0xd'), record(100, '0xe')],
      WITHIN,
      { timestamp: 100, id: '0xe' },
    ],
    [
      'a short page within a second: the next second',
      [record(100, '0xc')],
      WITHIN,
      { timestamp: 101, id: '' },
    ],
    ['nothing more within a second', [], WITHIN, { timestamp: 101, id: '' }],
    [
      'a time far ahead in a short page',
      [record(101, '0xa'), record(LATEST + 1, '0xa')],
      START,
      { timestamp: 101, id: '' },
    ],
    [
      'a malformed tail of a full page',
      [record(100, '0xa'), null, { id: '0xc' }],
      START,
      { timestamp: 100, id: '0xa' },
    ],
    [
      'a time beyond the tables in a short page',
      [record(101, '0xa'), record(99_999_999_999, '0xa')],
      START,
      { timestamp: 101, id: '' },
    ],
    [
      'only malformed records in a short page',
      [{ id: 5, timestamp: '100' }],
      START,
      { timestamp: 100, id: '' },
    ],
  ])('%s', (_what, records, cursor, next) => {
    expect(nextCursor(records, cursor, 3, { latest: LATEST })).toMatchObject({
      ok: true,
      next,
      full: records.length === 3,
      keep: records.length,
    });
  });
});

test('a full page that has just begun a second is cut there: the second is read again, whole', () => {
  const records = [record(100, '0xa'), record(100, '0xb'), record(101, '0xa')];
  expect(nextCursor(records, START, 3, { latest: LATEST })).toEqual({
    ok: true,
    next: { timestamp: 101, id: '' },
    known: { timestamp: 101, id: '0xa' },
    full: true,
    keep: 2,
  });
});

test('records at or after the end of what was asked for are refused', () => {
  const records = [record(100, 'a'), record(101, 'a')];
  expect(nextCursor(records, START, 3, { latest: LATEST, before: 102 })).toMatchObject({ ok: true });
  expect(nextCursor(records, START, 3, { latest: LATEST, before: 101 })).toMatchObject({
    ok: false,
    problem: 'untrusted',
  });
});

describe('a record that an earlier answer held', () => {
  const known = { timestamp: 101, id: '0xb' };

  test.each([
    ['is there', [record(101, '0xa'), record(101, '0xb')], false, false],
    ['is not in an empty answer', [], false, true],
    ['is not in a short answer', [record(101, '0xa'), record(101, '0xc')], false, true],
    ['may follow after a full page', [record(101, '0xa')], true, false],
    ['is not in a full page that reaches beyond it', [record(101, '0xa'), record(102, '0xa')], true, true],
    ['counts only in its own second', [record(102, '0xb')], false, true],
  ])('%s', (_what, records, isFull, lacks) => {
    expect(lacksKnown(records, known, isFull, LATEST)).toBe(lacks);
  });
});

describe('pages that are refused', () => {
  test.each([
    ['more than asked for', [record(100, 'a'), record(100, 'b'), record(100, 'c'), record(100, 'd')], START],
    ['descending time', [record(102, 'a'), record(101, 'a')], START],
    ['a burst in no order of ids', [record(101, 'b'), record(101, 'a'), record(101, 'c')], START],
    ['a burst with the same record twice', [record(101, 'a'), record(101, 'a'), record(101, 'b')], START],
    ['before the cursor', [record(99, 'a')], START],
    ['the cursor itself', [record(100, '0xb')], WITHIN],
    ['another second', [record(101, '0xc')], WITHIN],
    ['out of order around a malformed record', [record(102, 'a'), null, record(101, 'a')], START],
  ])('%s', (_what, records, cursor) => {
    expect(nextCursor(records, cursor, 3, { latest: LATEST })).toMatchObject({
      ok: false,
      problem: 'untrusted',
    });
  });

  test('a full page without one usable record gives no way to go on', () => {
    expect(nextCursor([null, {}, { id: '' }], START, 3, { latest: LATEST })).toMatchObject({
      ok: false,
      problem: 'stuck',
    });
  });
});

test('ids compare by their bytes, not by UTF-16 units', () => {
  expect(
    nextCursor([record(100, '\uFF5E'), record(100, '\u{1F600}')], START, 3, { latest: LATEST }),
  ).toMatchObject({
    ok: true,
  });
});

test('following the cursor reads every record, whatever the bursts and the page size', () => {
  const events = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 100, max: 106 }), fc.stringMatching(/^[0-9a-f]{1,3}$/)),
    {
      maxLength: 60,
      selector: ([timestamp, id]) => `${timestamp}/${id}`,
    },
  );
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 7 }), (all, pageSize) => {
      const sorted = all
        .map(([timestamp, id]) => record(timestamp, id))
        .sort((a, b) => Number(a.timestamp) - Number(b.timestamp) || (a.id < b.id ? -1 : 1));
      const seen = new Set<object>();
      let cursor = START;
      for (let step = 0; step < 1000; step++) {
        const { timestamp, id } = cursor;
        const page = sorted
          .filter((e) =>
            id === '' ? Number(e.timestamp) >= timestamp : Number(e.timestamp) === timestamp && e.id > id,
          )
          .slice(0, pageSize);
        const result = nextCursor(page, cursor, pageSize, { latest: LATEST });
        if (!result.ok) throw new Error(result.what);
        page.slice(0, result.keep).forEach((e) => seen.add(e));
        const resting = !result.full && id === '' && result.next.timestamp === timestamp;
        cursor = result.next;
        if (resting) break;
      }
      expect(seen.size).toBe(sorted.length);
    }),
  );
});
