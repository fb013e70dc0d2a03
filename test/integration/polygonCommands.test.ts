import { expect, onTestFinished, test } from 'vitest';
import { V1_EXCHANGES } from '../../src/base/exchanges.ts';
import { planGaps, planRange } from '../../src/cli/backfillPlan.ts';
import { FetchPlaces } from '../../src/cli/fetchPlaces.ts';
import { Backfill } from '../../src/cli/backfillRun.ts';
import type { CheckResult } from '../../src/cli/check.ts';
import { allChecks } from '../../src/cli/checks.ts';
import { toPosition } from '../../src/cli/placeOption.ts';
import { failureOf } from '../../src/cli/underWay.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { lastStart, recordCoverage, recordStart } from '../../src/store/coverage.ts';
import { migrate } from '../../src/store/migrate.ts';
import { recordScope, scopesOf } from '../../src/store/scope.ts';
import { BackfillPieces } from '../../queues/backfillPieces.ts';
import { PRIORITY, type QueueName } from '../../queues/catalogue.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { serveBlocks } from './blockNode.ts';
import { endedCommand } from '../support/commands.ts';
import { testConfig, testEnvironment, type Environment } from '../support/world.ts';

const START = 90_000_000;
const at = (position: number) => ({ position, id: '' });
const covered = (from: number, to: number) => ({
  source: 'polygon',
  from: at(from),
  to: at(to),
  events: 20_000,
  quarantined: 0,
});

/** Polygon's live tail has begun at START, has covered 1,000 blocks, and stands 20 further. */
async function setUp(overrides: Environment = {}) {
  const environment = testEnvironment({ ORDER_SOURCES: 'goldsky,polygon', ...overrides });
  const context = createContext(testConfig(environment));
  onTestFinished(() => closeContext(context));
  const { config, database, queues, redis } = context;
  await migrate(database);
  await recordScope(database, 'polygon', START, config.polygon.exchanges);
  await recordStart(database, 'polygon', at(START));
  await recordCoverage(database, [covered(START, START + 1_000)]);
  await context.sources.update('polygon', { cursor: at(START + 1_020) });
  const parts = {
    config,
    database,
    states: context.sources,
    watch: { say: (line: string) => expect.fail(line) },
    source: 'polygon' as const,
    signal: AbortSignal.timeout(20_000),
  };
  const pieces = new BackfillPieces(redis, config.redis.prefix, 'polygon');
  const ranges = async (queue: QueueName) =>
    (await queues.get(queue).getJobs(['prioritized'])).map(({ data, opts }) => {
      const { cursor, to } = data as { cursor: { position: number }; to: number };
      return { from: cursor.position, to, priority: opts.priority };
    });
  return { ...context, parts, pieces, ranges };
}

test('a backfill of blocks goes no further than what is final, and says so in blocks', async () => {
  const { parts, database } = await setUp();
  const from = START - 500;
  const plan = await planRange(parts, { from, to: START + 9_999 });
  expect(plan).toEqual({
    title: `polygon block ${from} → block ${START + 1_020}`,
    wanted: [{ from: at(from), to: at(START + 1_020) }],
    notes: [
      `polygon is read as final only up to block ${START + 1_020}: it is filled up to there, and the live tail goes on.`,
    ],
  });
  const untilTail = await planRange(parts, { from, to: undefined });
  expect(untilTail).toMatchObject({ wanted: [{ to: at(START + 1_000) }], notes: [] });
  await expect(planRange(parts, { from: START + 1_020, to: undefined })).rejects.toThrow(
    `There is nothing to fill from block ${START + 1_020} on: polygon has come to block ${START + 1_000}, and`,
  );
  expect(await lastStart(database, 'polygon')).toEqual(at(START));
});

test('where a backfill begins before all else is where the exchanges are read from', async () => {
  const { parts, database, config } = await setUp();
  const { exchanges } = config.polygon;
  await planRange(parts, { from: START + 10, to: undefined });
  expect(await scopesOf(database, 'polygon')).toEqual([{ from: START, exchanges }]);
  await planRange(parts, { from: 84_902_353, to: 84_902_400 });
  expect(await scopesOf(database, 'polygon')).toEqual([
    { from: 84_902_353, exchanges },
    { from: START, exchanges },
  ]);
  // What lies between the backfill and the tail is left on purpose.
  expect(await planGaps(parts)).toMatchObject({
    title: `the gap of polygon (${(START - 84_902_353).toLocaleString('en-US')} blocks)`,
    wanted: [{ from: at(84_902_353), to: at(START) }],
  });
});

test.each([
  { environment: {}, queue: 'fetch.polygon', other: 'fetch.hypersync', first: 200, then: 800 },
  {
    environment: { HYPERSYNC_TOKEN: 'secret' },
    queue: 'fetch.hypersync',
    other: 'fetch.polygon',
    first: 2_000,
    then: 3_500,
  },
] as const)(
  'pieces of blocks go to $queue, few blocks first, longer where there is little',
  async (given) => {
    const { database, queues, pieces, ranges, config } = await setUp(given.environment);
    const from = START - 100_000;
    const bulk = config.hypersync !== undefined;
    const places = new FetchPlaces(queues, config, given.queue);
    const run = new Backfill({ database, queues, pieces, places, source: 'polygon', bulk }, [
      { from: at(from), to: at(START) },
    ]);
    expect(await run.step()).toMatchObject({ total: 100_000, missing: 100_000, lost: [] });
    const first = await ranges(given.queue);
    expect(first.toSorted((a, b) => a.from - b.from)).toEqual(
      Array.from({ length: 8 }, (_, index) => ({
        from: from + index * given.first,
        to: from + (index + 1) * given.first,
        priority: PRIORITY.backfill,
      })),
    );
    expect(await ranges(given.other)).toEqual([]);
    // Begun pieces are not begun twice.
    await run.step();
    expect(await ranges(given.queue)).toHaveLength(8);

    // The first pieces had an event a block.
    const came = 8 * given.first;
    await recordCoverage(database, [{ ...covered(from, from + came), events: came }]);
    await queues.get(given.queue).obliterate({ force: true });
    expect(await run.step()).toMatchObject({ missing: 100_000 - came, events: came });
    const lengths = (await ranges(given.queue)).map((range) => range.to - range.from);
    expect(lengths).toEqual(Array.from({ length: 8 }, () => given.then));
  },
);

test('why a chain is left in failed is found in either queue of its source', async () => {
  const { queues, redis } = await setUp();
  await queues.add(
    'fetch.hypersync',
    'range',
    { kind: 'range', cursor: at(1), to: 2, chain: { id: 'backfill-1', step: 0 } },
    { jobId: 'range-backfill-1-0' },
  );
  const queue = queues.get('fetch.hypersync');
  expect(await failureOf(queues, 'polygon', 'range-backfill-1-')).toBeUndefined();
  await redis.lrem(queue.toKey('wait'), 1, 'range-backfill-1-0');
  await redis.hset(queue.toKey('range-backfill-1-0'), 'failedReason', 'no token');
  await redis.zadd(queue.toKey('failed'), Date.now(), 'range-backfill-1-0');
  expect(await failureOf(queues, 'polygon', 'range-backfill-1-')).toBe('no token');
  expect(await failureOf(queues, 'goldsky', 'range-backfill-1-')).toBeUndefined();
});

test('a time is the first block at or after it, asked for a few requests within the rate limit', async () => {
  const node = await serveBlocks({ head: START, second: 1_785_000_000 });
  const { config, redis, queues } = await setUp({
    POLYGON_RPC_URL: node.url,
    POLYGON_REQUESTS_PER_10S: '100',
  });
  const parts = { config, redis, queues, signal: AbortSignal.timeout(20_000) };
  expect(await toPosition({ position: 5 }, parts)).toBe(5);
  expect(node.asked).toEqual([]);
  expect(await toPosition({ second: 1_784_999_900 }, parts)).toBe(START - 50);
  expect(await toPosition({ second: 1_784_999_901 }, parts)).toBe(START - 49);
  expect(await toPosition({ second: 1_785_000_001 }, parts)).toBe(START + 1);
  expect(node.asked.length).toBeLessThan(12);
  expect(Number(await redis.exists(queues.get('fetch.polygon').toKey('limiter')))).toBe(1);
});

test('coverage as JSON: blocks, and which exchanges are read from which on', async () => {
  const environment = testEnvironment({ ORDER_SOURCES: 'goldsky,polygon' });
  const { exchanges } = testConfig(environment).polygon;
  const database = new Database(testConfig(environment).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  await recordScope(database, 'polygon', START, exchanges);
  await recordStart(database, 'polygon', at(START));
  await recordCoverage(database, [covered(START, START + 1_000)]);
  const { code, stdout } = await endedCommand('coverage', ['--json'], environment);
  expect(JSON.parse(stdout)).toMatchObject([
    {
      source: 'goldsky',
      positions: 'seconds',
      complete: false,
      scopes: [{ from: 0, exchanges: V1_EXCHANGES }],
    },
    {
      source: 'polygon',
      positions: 'blocks',
      complete: true,
      scopes: [{ from: START, exchanges }],
      stretches: [{ from: at(START), to: at(START + 1_000), storedEvents: 0 }],
    },
  ]);
  // Nothing of goldsky is covered.
  expect(code).toBe(1);
  const alone = await endedCommand('coverage', ['--source', 'polygon'], environment);
  expect(alone.code).toBe(0);
  expect(alone.stdout).toContain(`polygon reads 3 exchanges (V2, V3) from block ${START} on.`);
}, 60_000);

test('the doctor looks at each node by itself, and at what is read from which source', async () => {
  const now = Math.floor(Date.now() / 1000);
  const nodes = await Promise.all([
    serveBlocks({ head: START, second: now - 3, finalDepth: 5 }),
    serveBlocks({ head: START, second: now - 3 }),
    serveBlocks({ head: START - 3_600, second: now - 7_200 }),
    serveBlocks({ head: START, second: now, chainId: 1 }),
  ]);
  const urls = [...nodes.map(({ url }) => `${url}/v2/a-secret-key`), 'http://127.0.0.1:9'];
  const { config, database } = await setUp({ POLYGON_RPC_URL: urls.join(',') });
  const found = new Map<string, CheckResult>();
  const look = async (of: typeof config) => {
    for (const { name, run } of allChecks(of)) {
      if (!/polygon|sources|settings/.test(name)) continue;
      found.set(name, await run().catch((error: Error) => ({ ok: false, text: error.message })));
    }
  };
  await look(config);
  expect([...found].map(([name, { ok }]) => `${name} ${ok}`)).toEqual([
    'settings true',
    'sources true',
    'polygon 1 true',
    'polygon 2 true',
    'polygon 3 false',
    'polygon 4 false',
    'polygon 5 false',
  ]);
  expect(found.get('sources')?.text).toBe('goldsky reads V1, polygon reads V2, V3.');
  expect(found.get('polygon 1')?.text).toMatch(/newest block is 90000000, \d+ s old, final up to 5 blocks/);
  expect(found.get('polygon 2')?.text).toContain('blocks 128 behind it count as final');
  expect(found.get('polygon 3')?.text).toMatch(/its newest block \(89996400\) is 2 h( \d+ s)? old/);
  expect(found.get('polygon 4')?.text).toContain('is a node of chain 1, not of Polygon (137)');
  expect([...found.values()].map(({ text }) => text).join()).not.toContain('a-secret-key');

  await recordCoverage(database, [{ ...covered(1, 2), source: 'goldsky' }]);
  await look(
    testConfig({ ...testEnvironment(), CLICKHOUSE_DATABASE: database.name, ORDER_SOURCES: 'polygon' }),
  );
  expect(found.get('sources')).toEqual({
    ok: false,
    text: expect.stringMatching(
      /^goldsky has read the V1 exchanges into .*Leave goldsky in ORDER_SOURCES/,
    ) as string,
  });
});
