import { afterEach, beforeEach, expect, test } from 'vitest';
import { KNOWN_EXCHANGES } from '../../src/base/exchanges.ts';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { HyperSyncSource } from '../../src/sources/hypersync.ts';
import { PolygonSource, type LogsPage } from '../../src/sources/polygon.ts';

const NOW = 1_795_000_000;
const exchanges = KNOWN_EXCHANGES.map(({ address }) => address);

interface Range {
  readonly from: number;
  readonly to: number;
}

let simulator: Simulator;
let range: Range;
beforeEach(async () => {
  simulator = await startSimulator({
    exchange: { start: NOW - 120, cutover: NOW - 60, malformedShare: 0.02, now: () => NOW * 1000 },
    hypersync: { maxBlocks: 20 },
  });
  range = { from: simulator.upstream.start().block ?? 0, to: simulator.upstream.chainHead().number + 1 };
});
afterEach(() => simulator.close());

function source(urls: readonly string[] = [simulator.polygonUrl]) {
  return new PolygonSource({ urls, exchanges, finalityBlocks: 128 });
}

async function readAll(fetchLogs: (range: Range) => Promise<LogsPage>): Promise<LogsPage['logs'][number][]> {
  const logs = [];
  for (let from = range.from; from < range.to;) {
    const page = await fetchLogs({ from, to: range.to });
    logs.push(...page.logs);
    from = page.to;
  }
  return logs;
}

test('a chain is read alike whatever its node refuses and leaves out, and from the archive', async () => {
  const [, , free = ''] = simulator.polygonUrls;
  const all = await readAll((part) => source([free]).fetchLogs(part));
  expect(all.length).toBeGreaterThan(300);

  const hypersync = new HyperSyncSource({ url: simulator.hypersyncUrl, token: 'any', exchanges });
  expect(await readAll((part) => hypersync.fetchLogs(part))).toEqual(all);

  const { node } = simulator.control.polygon;
  for (const style of ['infura', 'alchemy', 'quicknode', 'drpc', 'range'] as const) {
    for (const limits of [
      { maxBlocks: 10, maxBatch: 3, logTimestamps: false },
      { maxLogs: 100, maxBatch: 0 },
    ]) {
      simulator.control.polygon.node = { ...node, style, ...limits };
      const polygon = source();
      const read = await readAll((part) => polygon.fetchLogs(part));
      expect(read, `${style}, ${JSON.stringify(limits)}`).toEqual(all);
    }
  }
});

test('what one node lacks, a second one adds', async () => {
  const [first = '', second = ''] = simulator.polygonUrls;
  const all = await readAll((part) => source([second]).fetchLogs(part));
  const { polygon } = simulator.control;
  polygon.node = { ...polygon.node, holes: 0.3 };
  const both = source([first, second]);
  expect((await readAll((part) => both.fetchLogs(part))).length).toBeLessThan(all.length);
  expect(await readAll((part) => both.fetchLogs({ ...part, confirm: true }))).toEqual(all);

  polygon.node = { ...polygon.node, holes: 0, behindBlocks: 30 };
  expect(await readAll((part) => both.fetchLogs(part))).toEqual(all);
});

test('the block of a second is found by its time', async () => {
  const block = await source().blockAt(NOW - 61);
  const { number, timestamp } = block;
  expect(simulator.upstream.block(number).timestamp).toBe(timestamp);
  expect(timestamp).toBeLessThanOrEqual(NOW - 61);
  expect(simulator.upstream.block(number + 1).timestamp).toBeGreaterThan(NOW - 61);
});
