import { expect, test } from 'vitest';
import { EXCHANGE_DEFAULTS, SimulatedExchange, type ExchangeOptions } from '../../src/simulator/exchange.ts';
import { exchangeOf } from '../../src/simulator/contracts.ts';
import { toRow, type Fill } from '../../src/simulator/upstream.ts';

const NOW = 1_795_000_000;
const EXCHANGES = [exchangeOf(1, false), exchangeOf(1, true)];

function exchange(options: Partial<ExchangeOptions> = {}): SimulatedExchange {
  return new SimulatedExchange({ start: NOW - 7200, now: () => NOW * 1000, ...options });
}

function fills(of: SimulatedExchange, from: number, to: number): Fill[] {
  return Array.from(of.events({ from, to }), ({ fill }) => fill as Fill);
}

/** The fills of each transaction in the order of their logs. */
function transactions(all: readonly Fill[]): Fill[][] {
  const groups = new Map<string, Fill[]>();
  for (const fill of all)
    groups.set(fill.transactionHash, [...(groups.get(fill.transactionHash) ?? []), fill]);
  return [...groups.values()].map((group) => group.sort((a, b) => a.logIndex - b.logIndex));
}

test('events depend on seed, options and second alone', () => {
  const range = { from: NOW - 4000, to: NOW - 3900 };
  const whole = [...exchange().events({ from: NOW - 4100, to: NOW - 3800 })].filter(
    ({ timestamp }) => timestamp >= range.from && timestamp <= range.to,
  );
  expect([...exchange().events(range)]).toEqual(whole);
  // A later process, started with other history, sees the same.
  const later = exchange({ start: NOW - 5000, now: () => (NOW + 100_000) * 1000 });
  expect([...later.events(range)]).toEqual(whole);
  expect([...exchange().events({ ...range, descending: true })]).toEqual(whole.toReversed());
  expect([...exchange({ seed: 2 }).events(range)]).not.toEqual(whole);
  expect(whole.length).toBeGreaterThan(1000);
});

test('nothing before the start, nothing after the head, whole blocks only', () => {
  const head = exchange().head();
  expect(head.timestamp).toBeLessThanOrEqual(NOW - 3);
  expect(head.timestamp).toBeGreaterThanOrEqual(NOW - 5);
  const all = fills(exchange({ start: NOW - 600 }), -Infinity, Infinity);
  expect(all[0]?.timestamp).toBe(NOW - 600);
  expect(all.at(-1)?.timestamp).toBe(head.timestamp);
  expect(all.every(({ timestamp }) => timestamp % 2 === 0)).toBe(true);
  const last = all.filter(({ blockNumber }) => blockNumber === head.number);
  expect(last.length).toBeGreaterThan(0);
  expect(last.every(({ timestamp }) => timestamp === head.timestamp)).toBe(true);
});

test('events are in the order of (timestamp, id) and ids are unique', () => {
  const events = [...exchange({ eventsPerSecond: 200 }).events({ from: NOW - 200, to: NOW })];
  for (const [i, event] of events.entries()) {
    const before = events[i - 1];
    if (before === undefined) continue;
    expect(
      before.timestamp < event.timestamp || (before.timestamp === event.timestamp && before.id < event.id),
    ).toBe(true);
  }
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
});

test('shares and collateral balance to the unit in every match, whatever its kind', () => {
  const kinds = { complementary: 0, mint: 0, merge: 0, mixed: 0 };
  const matches = transactions(fills(exchange({ dustShare: 0.01 }), NOW - 3600, NOW - 2400));
  for (const group of matches) {
    const taker = group.at(-1);
    if (taker === undefined || !EXCHANGES.includes(taker.taker)) continue;
    const makers = group.slice(0, -1);
    expect(makers.length).toBeGreaterThan(0);
    let [tokens, usd] = [0, 0];
    const seen = new Set<string>();
    for (const maker of makers) {
      expect(maker.taker).toBe(taker.maker);
      const crossing = maker.side === taker.side;
      expect(crossing).toBe(maker.tokenId !== taker.tokenId);
      tokens += maker.tokens;
      usd += crossing ? maker.tokens - maker.usd : maker.usd;
      seen.add(!crossing ? 'complementary' : maker.side === 'BUY' ? 'mint' : 'merge');
    }
    expect([taker.tokens, taker.usd]).toEqual([tokens, usd]);
    kinds[seen.size > 1 ? 'mixed' : ([...seen][0] as keyof typeof kinds)]++;
    expect(new Set(group.map(({ orderHash }) => orderHash)).size).toBe(group.length);
  }
  for (const count of Object.values(kinds)) expect(count).toBeGreaterThan(50);
});

test('amounts are whole, prices lie in (0, 1), dust is rare but there', () => {
  const all = fills(exchange({ dustShare: 0.01 }), NOW - 3600, NOW - 2400);
  const dust = all.filter(({ usd, tokens }) => usd === 0 || tokens === 0);
  expect(dust.length / all.length).toBeGreaterThan(0.002);
  expect(dust.length / all.length).toBeLessThan(0.03);
  for (const { usd, tokens, fee, side } of all) {
    expect(Number.isSafeInteger(usd) && Number.isSafeInteger(tokens) && Number.isSafeInteger(fee)).toBe(true);
    expect(fee).toBeLessThanOrEqual(side === 'BUY' ? tokens : usd);
    if (tokens > 1000) expect(usd > 0 && usd < tokens).toBe(true);
  }
});

test('the statistics are those of the real exchange', () => {
  const span = 1200;
  const all = fills(exchange({ burstProbability: 0 }), NOW - 3600, NOW - 3600 + span - 1);
  const { eventsPerSecond } = EXCHANGE_DEFAULTS;
  expect(all.length / span).toBeGreaterThan(eventsPerSecond * 0.9);
  expect(all.length / span).toBeLessThan(eventsPerSecond * 1.1);
  const groups = transactions(all);
  expect(all.length / groups.length).toBeGreaterThan(2.1);
  expect(all.length / groups.length).toBeLessThan(2.6);
  const share = (key: (fill: Fill) => string): number => {
    const counts = new Map<string, number>();
    for (const fill of all) counts.set(key(fill), (counts.get(key(fill)) ?? 0) + 1);
    const sorted = [...counts.values()].sort((a, b) => b - a);
    return sorted.slice(0, Math.ceil(sorted.length / 10)).reduce((a, b) => a + b, 0) / all.length;
  };
  // The busiest tenth of tokens and of wallets has most of the fills.
  expect(share(({ tokenId }) => tokenId)).toBeGreaterThan(0.5);
  expect(share(({ maker }) => maker)).toBeGreaterThan(0.5);
  const sizes = all.map(({ tokens }) => tokens).sort((a, b) => a - b);
  const at = (part: number): number => sizes[Math.floor(sizes.length * part)] ?? 0;
  expect(at(0.99) / at(0.5)).toBeGreaterThan(20);
  // Resting orders are filled in several transactions.
  const byOrder = new Map<string, Set<string>>();
  for (const { orderHash, transactionHash } of all) {
    byOrder.set(orderHash, (byOrder.get(orderHash) ?? new Set<string>()).add(transactionHash));
  }
  expect([...byOrder.values()].filter((txs) => txs.size > 1).length).toBeGreaterThan(20);
});

test('bursts put more events into one second than a page holds', () => {
  const bursting = exchange({ burstProbability: 0.1, burstEvents: 2500 });
  const counts = new Map<number, number>();
  for (const { timestamp } of bursting.events({ from: NOW - 300, to: NOW - 100 })) {
    counts.set(timestamp, (counts.get(timestamp) ?? 0) + 1);
  }
  expect(Math.max(...counts.values())).toBeGreaterThan(2000);
});

test('tokens that no market lists, and markets listed only after their first fill', () => {
  const late = { lateListingShare: 0.5, listingDelaySeconds: 1_000, unknownTokenShare: 0 };
  const traded = new Set(fills(exchange(late), NOW - 600, NOW).map(({ tokenId }) => tokenId));
  const listedAt = (now: number): Set<string> =>
    new Set(
      exchange({ ...late, now: () => now * 1000 })
        .markets()
        .flatMap(({ tokenIds }) => tokenIds),
    );
  const [listed, later] = [listedAt(NOW), listedAt(NOW + 1_400)];
  const missing = [...traded].filter((token) => !listed.has(token));
  expect(missing.length).toBeGreaterThan(0);
  expect(missing.filter((token) => !later.has(token))).toEqual([]);

  const unknown = exchange({ unknownTokenShare: 0.05, lateListingShare: 0 });
  const known = new Set(unknown.markets().flatMap(({ tokenIds }) => tokenIds));
  const all = fills(unknown, NOW - 1200, NOW);
  const share = all.filter(({ tokenId }) => !known.has(tokenId)).length / all.length;
  expect(share).toBeGreaterThan(0.03);
  expect(share).toBeLessThan(0.07);
});

test('malformed rows keep their place and are marked', () => {
  const events = [...exchange({ malformedShare: 0.05 }).events({ from: NOW - 600, to: NOW })];
  const broken = events.filter(({ malformed }) => malformed !== undefined);
  expect(broken.length / events.length).toBeGreaterThan(0.03);
  for (const { row, id, timestamp, fill } of broken) {
    expect(row['id']).toBe(id);
    expect(row['timestamp']).toBe(String(timestamp));
    expect(row).not.toEqual(toRow(fill as Fill));
  }
  for (const { row, fill, malformed } of events)
    if (malformed === undefined) expect(row).toEqual(toRow(fill as Fill));
  expect(new Set(broken.map(({ malformed }) => malformed)).size).toBeGreaterThan(5);
});

test('markets appear with growing ids, trade, close, resolve; volumes only grow', () => {
  const at = (now: number) =>
    new Map(
      exchange({ now: () => now * 1000 })
        .markets()
        .map((entry) => [entry.id, entry]),
    );
  const [before, after] = [at(NOW), at(NOW + 1800)];
  const newIds = [...after.keys()].filter(
    (id) => !before.has(id) && (after.get(id)?.object()['createdAt'] as string) > '2026-11-18T11:06',
  );
  expect(newIds.length).toBeGreaterThan(30);
  expect(Math.min(...newIds)).toBeGreaterThan(Math.max(...before.keys()) - 200);
  let closedNow = 0;
  for (const [id, entry] of before) {
    const later = after.get(id);
    expect(later).toBeDefined();
    if (entry.closed) expect(later?.closed).toBe(true);
    if (!entry.closed && later?.closed === true) {
      closedNow++;
      const object = later.object();
      expect(object['umaResolutionStatus']).toBe('resolved');
      expect((JSON.parse(object['outcomePrices'] as string) as string[]).toSorted().at(-1)).toBe('1');
      expect(object['closedTime']).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00$/);
    }
    const [older, newer] = [entry.object(), later?.object() ?? {}];
    if (typeof older['volumeNum'] === 'number' && typeof newer['volumeNum'] === 'number') {
      expect(newer['volumeNum']).toBeGreaterThanOrEqual(older['volumeNum']);
      if (newer['volumeNum'] > older['volumeNum']) expect(newer['updatedAt']).not.toBe(older['updatedAt']);
    }
  }
  expect(closedNow).toBeGreaterThan(30);
});

test('the catalogue has groups, three-way markets and rows as old as the API', () => {
  const objects = exchange()
    .markets()
    .map((entry) => entry.object());
  const perEvent = new Map<unknown, number>();
  for (const { events, negRisk } of objects) {
    const id = (events as { id: string }[])[0]?.id;
    if (negRisk === true) perEvent.set(id, (perEvent.get(id) ?? 0) + 1);
  }
  expect(Math.max(...perEvent.values())).toBeGreaterThan(2);
  const outcomes = objects.map((object) => object['outcomes']);
  expect(outcomes).toContain('');
  expect(outcomes).toContain(null);
  expect(
    outcomes.some(
      (text) => typeof text === 'string' && text !== '' && (JSON.parse(text) as string[]).length === 3,
    ),
  ).toBe(true);
  expect(objects.some((object) => !('clobTokenIds' in object))).toBe(true);
  expect(objects.some((object) => object['closed'] === true && !('volume' in object))).toBe(true);
  expect(new Set(objects.map(({ id }) => id)).size).toBe(objects.length);
});
