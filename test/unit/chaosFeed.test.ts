import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Random } from '../../src/simulator/random.ts';
import type { World } from '../chaos/fault.ts';
import { subgraphReorgs } from '../chaos/faults/subgraphReorgs.ts';
import { Feed } from '../chaos/feed.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_790_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Seconds and ids of everything that is served, malformed records apart. */
function served({ exchange, ledger }: Feed) {
  const { orderEvents, quarantine } = ledger.expected();
  const rows = [...exchange.events({ from: 0, to: Infinity })].map(({ row }) => row);
  const wellFormed = rows.filter((row) => !quarantine.has(JSON.stringify(row)));
  return {
    wellFormed: wellFormed.map(({ id, timestamp }) => `${String(id)} ${String(timestamp)}`).sort(),
    malformed: rows.length - wellFormed.length,
    expected: [...orderEvents].map(([id, line]) => `${id} ${line.split('|')[5]}`).sort(),
    // The market without a condition id is one, too.
    expectedMalformed: quarantine.size - 1,
  };
}

test('what is expected is what is served, through bursts, malformed records and reorgs of every kind', async () => {
  const feed = new Feed(3, true);
  feed.addHistory();
  feed.start();
  const random = new Random(3, 0);
  const kinds = subgraphReorgs(feed, 60).flatMap((target) => target.kinds);
  const pause = async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms));
  for (let round = 0; round < 40; round++) {
    for (const kind of kinds) await kind.draw(random).run({} as World, pause);
    await pause(random.below(5_000));
  }
  feed.quieten();
  feed.stop();
  const { wellFormed, malformed, expected, expectedMalformed } = served(feed);
  expect(wellFormed.length).toBeGreaterThan(10_000);
  expect(wellFormed).toEqual(expected);
  expect(malformed).toBeGreaterThan(50);
  expect(malformed).toBe(expectedMalformed);
  expect(feed.ledger.counts.reorganised).toBeGreaterThan(500);
});

test('an event that a reorg takes is expected no more, also one that nobody ever saw', () => {
  const feed = new Feed(4, false);
  const event = feed.makeLate(feed.head);
  feed.ledger.add(event);
  expect(feed.ledger.expected().orderEvents.size).toBe(1);
  feed.ledger.remove(event.row.id, 'vanished');
  expect(feed.ledger.expected().orderEvents.size).toBe(0);
  expect(feed.ledger.expected().trades.size).toBe(0);
});

test('time goes on when the market is quiet', async () => {
  const feed = new Feed(5, true);
  feed.addHistory();
  feed.start();
  await vi.advanceTimersByTimeAsync(10_000);
  feed.quieten();
  const { events } = feed.ledger.counts;
  const { timestamp } = feed.exchange.head();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(feed.exchange.head().timestamp).toBe(timestamp + 30);
  expect(feed.ledger.counts.events).toBe(events);
  feed.stop();
});
