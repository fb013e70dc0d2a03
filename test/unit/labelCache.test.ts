import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Database } from '../../src/store/clickhouse.ts';
import { LabelCache } from '../../workers/labelCache.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Markets list these tokens; a query is answered by `answer`. */
function setUp(...listed: string[]) {
  const known = new Set(listed);
  const asked: string[][] = [];
  const held: { readonly answer: () => void; readonly fail: (error: Error) => void }[] = [];
  const rows = (_query: string, { tokens }: { readonly tokens: readonly string[] }) => {
    asked.push(tokens.toSorted());
    return new Promise((resolve, reject) => {
      const answer = () => {
        const found = tokens.filter((token) => known.has(token));
        resolve(
          found.map((token_id) => ({
            token_id,
            market_id: `m${token_id}`,
            condition_id: `c${token_id}`,
            outcome_index: 0,
            outcome: 'Yes',
          })),
        );
      };
      held.push({ answer, fail: reject });
    });
  };
  const cache = new LabelCache({ rows } as unknown as Database);
  const marketsOf = async (...tokens: string[]) =>
    Object.fromEntries(
      [...(await cache.find(new Set(tokens)))].map(([token, label]) => [token, label.marketId]),
    );
  /** Once it is asked. */
  const next = async () => {
    await untilAsked(held);
    const query = held.shift();
    if (query === undefined) throw new Error('no query');
    return query;
  };
  const answer = async () => (await next()).answer();
  const fail = async (error: Error) => (await next()).fail(error);
  return { known, asked, marketsOf, answer, fail };
}

/** Lets the clock stand still, as vi.waitUntil would not. */
async function untilAsked(queries: readonly unknown[]): Promise<void> {
  while (queries.length === 0) await turn();
}

describe('labels', () => {
  test('of pages that wait for a query are asked for together by the next one', async () => {
    const { asked, marketsOf, answer } = setUp('1', '2', '3');
    const first = marketsOf('1');
    await untilAsked(asked);
    const waiting = [marketsOf('1', '2'), marketsOf('3', '9'), marketsOf('2', '3')];
    await answer();
    expect(await first).toEqual({ 1: 'm1' });
    await answer();
    expect(await Promise.all(waiting)).toEqual([{ 1: 'm1', 2: 'm2' }, { 3: 'm3' }, { 2: 'm2', 3: 'm3' }]);
    expect(asked).toEqual([['1'], ['1', '2', '3', '9']]);
  });

  test('that are known are not asked for again', async () => {
    const { asked, marketsOf, answer } = setUp('1', '2');
    const first = marketsOf('1', '2');
    await answer();
    await first;
    vi.advanceTimersByTime(3_600_000);
    expect(await marketsOf('1', '2')).toEqual({ 1: 'm1', 2: 'm2' });
    expect(asked).toHaveLength(1);
  });

  test('of an unknown token are asked for again after two seconds, not sooner', async () => {
    const { known, asked, marketsOf, answer } = setUp('1');
    const first = marketsOf('1', '7');
    await answer();
    expect(await first).toEqual({ 1: 'm1' });
    known.add('7');
    vi.advanceTimersByTime(1_900);
    expect(await marketsOf('1', '7')).toEqual({ 1: 'm1' });
    expect(asked).toHaveLength(1);
    vi.advanceTimersByTime(100);
    const again = marketsOf('1', '7');
    await answer();
    expect(await again).toEqual({ 1: 'm1', 7: 'm7' });
    expect(asked).toEqual([['1', '7'], ['7']]);
  });

  test('whose query fails: every page that waited for it learns so, and the next one asks anew', async () => {
    const { asked, marketsOf, answer, fail } = setUp('1', '2');
    const both = Promise.allSettled([marketsOf('1'), marketsOf('1', '2')]);
    const trouble = new Error('ClickHouse is away');
    await fail(trouble);
    expect(await both).toEqual([
      { status: 'rejected', reason: trouble },
      { status: 'rejected', reason: trouble },
    ]);
    const again = marketsOf('1', '2');
    await answer();
    expect(await again).toEqual({ 1: 'm1', 2: 'm2' });
    expect(asked).toEqual([
      ['1', '2'],
      ['1', '2'],
    ]);
  });
});
