import { expect, onTestFinished } from 'vitest';
import type { ExchangeOptions } from '../../src/simulator/exchange.ts';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { expectedOf, MadeChain, readEraLines, type Expected } from './chainRows.ts';
import { untilCount } from './pipeline.ts';
import { expectEvents, expectSame, sortedFields } from './tables.ts';
import { testConfig, testEnvironment, type Environment } from './world.ts';

export interface ChainWorld {
  readonly environment: Environment;
  readonly database: Database;
  readonly simulator: Simulator;
  readonly upstream: MadeChain;
  /** The first block with events. */
  readonly firstBlock: number;
}

/** A made chain with nodes, and settings that read all exchanges from it. Ended with the test. */
export async function makeChainWorld(options: {
  readonly exchange?: Partial<ExchangeOptions>;
  readonly simulator?: Omit<SimulatorOptions, 'upstream' | 'exchange'>;
  readonly historySeconds: number;
  readonly environment?: Environment;
}): Promise<ChainWorld> {
  const start = Math.floor(Date.now() / 1000) - options.historySeconds;
  const upstream = new MadeChain({
    start,
    // One third of the history on the V1 exchanges, then all three at once.
    cutover: start + Math.floor(options.historySeconds / 3),
    v1Share: 0.2,
    v3Share: 0.3,
    // What is expected is worked out once: no market of a trade is listed afterwards.
    lateListingShare: 0,
    ...options.exchange,
  });
  const simulator = await startSimulator({ upstream, ...options.simulator });
  const { block = 0 } = upstream.start();
  const environment = testEnvironment({
    ORDER_SOURCES: 'polygon',
    GAMMA_URL: simulator.gammaUrl,
    GOLDSKY_URL: simulator.goldskyUrl,
    POLYGON_RPC_URL: simulator.polygonUrls.join(','),
    POLYGON_START: String(block),
    ...options.environment,
  });
  const database = new Database(testConfig(environment).clickhouse);
  onTestFinished(async () => {
    await simulator.close();
    await database.close();
  });
  return { environment, database, simulator, upstream, firstBlock: block };
}

/** Waits until everything of a chain without further trading has arrived, what is gone from it is gone, and all is labelled. */
export async function untilChain(database: Database, expected: Expected, timeoutMs: number): Promise<void> {
  const { orderEvents, trades, quarantine } = expected;
  await untilCount(database, 'SELECT count() AS n FROM order_events', orderEvents.size, timeoutMs);
  const unlabelled = [...trades.values()].filter((line) => line.split('|')[2] === '').length;
  await untilCount(database, `SELECT count() AS n FROM trades WHERE market_id = ''`, unlabelled, timeoutMs);
  const logs = `SELECT count() >= ${brokenLogs(quarantine).length} AS n FROM quarantine WHERE source = 'polygon'`;
  await untilCount(database, logs, 1, timeoutMs);
}

/**
 * The tables hold exactly what the chain has, the columns of its eras too. A malformed log of a block that was replaced may
 * be in quarantine besides: it has no row that a later answer could take out.
 */
export async function expectChain(
  database: Database,
  { upstream, firstBlock }: Pick<ChainWorld, 'upstream' | 'firstBlock'>,
  expected = expectedOf(upstream, firstBlock),
): Promise<void> {
  await expectEvents(database, expected);
  expectSame(await readEraLines(database), expected.eras);
  const rows = await database.rows<{ record: string }>(
    `SELECT record FROM quarantine WHERE source = 'polygon'`,
  );
  const found = rows.map(({ record }) => sortedFields(record));
  const wanted = new Set(brokenLogs(expected.quarantine).map(sortedFields));
  expect([...wanted].filter((record) => !found.includes(record))).toEqual([]);
  const canonical = found
    .filter((record) => !wanted.has(record))
    .filter((record) => {
      const { blockNumber, blockHash } = JSON.parse(record) as Record<string, string>;
      return upstream.block(Number(blockNumber)).hash === blockHash;
    });
  expect(canonical).toEqual([]);
  expect(new Set(found).size).toBe(found.length);
}

/** Without the markets: what they say changes while they are served. */
function brokenLogs(quarantine: ReadonlySet<string>): string[] {
  return [...quarantine].filter((record) => 'topics' in (JSON.parse(record) as object));
}
