import { expect, test } from 'vitest';
import { blockNumberAt } from '../../src/simulator/chain.ts';
import { chainLogs } from '../../src/simulator/chainLogs.ts';
import { SimulatedExchange, type ExchangeOptions } from '../../src/simulator/exchange.ts';
import { RecordedExchange } from '../../src/simulator/recorded.ts';
import type { Upstream } from '../../src/simulator/upstream.ts';

const NOW = 1_795_000_000;

function exchange(options: Partial<ExchangeOptions> = {}): SimulatedExchange {
  return new SimulatedExchange({
    start: NOW - 600,
    cutover: NOW - 3600,
    burstProbability: 0,
    now: () => NOW * 1000,
    ...options,
  });
}

function expectLinked(upstream: Upstream, from: number, to: number): void {
  for (let number = from; number <= to; number++)
    expect(upstream.block(number).parentHash).toBe(upstream.block(number - 1).hash);
}

const transactions = (upstream: Upstream, from: number, to: number): Set<unknown> =>
  new Set(chainLogs(upstream, from, to).map(({ log }) => log['transactionHash']));

test('a reorganisation replaces the newest blocks, and none that is final', () => {
  const [before, after] = [exchange(), exchange()];
  const head = after.chainHead().number;
  const [first, end] = [head - after.finalityBlocks + 1, head + 1];
  after.reorg(10);
  for (let number = head - 10; number <= head + 5; number++)
    expect(after.block(number).hash === before.block(number).hash).toBe(number < first);
  expectLinked(after, head - 10, head + 5);
  expect(chainLogs(after, first - 10, first)).toEqual(chainLogs(before, first - 10, first));

  const [old, now] = [transactions(before, first, end), transactions(after, first, end)];
  const moved = chainLogs(after, first, end).filter(({ log }) => {
    const same = chainLogs(before, first, end).find(
      (one) => one.log['transactionHash'] === log['transactionHash'] && one.log.topics[1] === log.topics[1],
    );
    return same !== undefined && same.log.blockNumber !== log.blockNumber;
  });
  expect([...old].filter((hash) => !now.has(hash)).length).toBeGreaterThan(0);
  expect([...now].filter((hash) => !old.has(hash)).length).toBeGreaterThan(0);
  expect(moved.length).toBeGreaterThan(0);
});

test('what the subgraph has in the end is what the nodes have', () => {
  let now = NOW * 1000;
  const upstream = exchange({ now: () => now, cutover: undefined, reorgEverySeconds: 20 });
  for (let i = 0; i < 20; i++) {
    now += 7_000;
    if (i % 3 === 0) upstream.reorg(1 + (i % 2));
    [...upstream.events({ from: NOW - 30, to: now / 1000 })].forEach(() => undefined);
  }
  now += 10_000;
  const events = [...upstream.events({ from: NOW - 100, to: NOW + 140 })];
  const logs = chainLogs(upstream, blockNumberAt(NOW - 100), blockNumberAt(NOW + 140) + 1);
  const key = (one: { fill?: { transactionHash: string; logIndex: number; timestamp: number } }): string =>
    `${one.fill?.timestamp} ${one.fill?.transactionHash} ${one.fill?.logIndex}`;
  expect(events.map(key).toSorted()).toEqual(logs.map(key).toSorted());
  for (const [i, event] of events.entries()) {
    const last = events[i - 1];
    if (last?.timestamp === event.timestamp) expect(last.id < event.id).toBe(true);
  }
  expectLinked(upstream, blockNumberAt(NOW - 100), upstream.chainHead().number);
});

test('scheduled reorganisations are the same for every process, and change nothing that was final', () => {
  let now = NOW * 1000;
  const running = exchange({ now: () => now, reorgEverySeconds: 10 });
  const seen = new Map<number, string>();
  let changes = 0;
  for (; now < (NOW + 60) * 1000; now += 500) {
    const head = running.chainHead().number;
    for (let number = head - 6; number <= head; number++) {
      const { hash } = running.block(number);
      const known = seen.get(number);
      if (known !== undefined && known !== hash) {
        expect(number).toBeGreaterThan(head - running.finalityBlocks);
        changes++;
      }
      seen.set(number, hash);
    }
  }
  expect(changes).toBeGreaterThan(4);
  const fresh = exchange({ now: () => now, reorgEverySeconds: 10, start: NOW - 60 });
  const [from, to] = [blockNumberAt(NOW - 30), fresh.chainHead().number];
  expect(chainLogs(running, from, to)).toEqual(chainLogs(fresh, from, to));
});

test('nodes serve the fills of a recording, and rows that say their place; the subgraph those of V1', () => {
  const [v1, v2] = [
    '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e',
    '0xe111180000d2663c0091e4f400237545b87b996b',
  ];
  const row = (n: number, exchange: string, place: object) => ({
    id: `0x${n}_0x${n}`,
    timestamp: String(1_777_000_000 + n),
    transactionHash: `0x${String(n).repeat(64)}`,
    orderHash: `0x${String(n).repeat(64)}`,
    maker: `0x${'a'.repeat(40)}`,
    taker: `0x${'b'.repeat(40)}`,
    makerAssetId: '0',
    takerAssetId: '77',
    makerAmountFilled: '18446744073709551615',
    takerAmountFilled: '200',
    fee: '0',
    exchange,
    ...place,
  });
  const recorded = new RecordedExchange({
    events: [
      row(1, v1, { block_number: '86000000', log_index: '9' }),
      row(5, v2, { blockNumber: 86000004, logIndex: 7, builder: `0x${'c'.repeat(64)}` }),
      row(6, v1, {}),
    ],
  });
  const source = exchange();
  const generated = chainLogs(source, source.start().block, source.start().block + 1);
  expect(recorded.start()).toEqual({ second: 1_777_000_001, block: 86_000_000 });
  expect([1, 3, 5].map((second) => recorded.block(86_000_000 + second - 1).timestamp)).toEqual(
    [1, 3, 5].map((second) => 1_777_000_000 + second),
  );
  const logs = chainLogs(recorded, 86_000_000, 86_000_010);
  expect(logs.map(({ log }) => [log.blockNumber, log.logIndex, log.address])).toEqual([
    ['0x5204180', '0x9', v1],
    ['0x5204184', '0x7', v2],
  ]);
  expect(logs[1]?.log['data']).toContain(`${'f'.repeat(16)}${'c8'.padStart(64, '0')}`);
  expect(logs[1]?.log['data']).toContain('c'.repeat(64));

  const hash = recorded.chainHead().hash;
  recorded.reorg(1);
  recorded.removeEvents(['0x5_0x5']);
  expect(recorded.chainHead().hash).not.toBe(hash);
  expect(chainLogs(recorded, 86_000_000, 86_000_010)).toHaveLength(1);
  recorded.addFills(generated.flatMap(({ fill }) => fill ?? []));
  const { block } = source.start();
  expect(recorded.logs(block).map(({ log }) => log['data'])).toEqual(generated.map(({ log }) => log['data']));
});
