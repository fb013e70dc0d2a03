import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { redisBinary } from '../../src/embedded/redisBinary.ts';
import { redisServer } from '../../src/embedded/redisServer.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { Supervisor } from '../../src/embedded/supervisor.ts';
import { migrate } from '../../src/store/migrate.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { makeWorld, startWorkerProcess, untilComplete, untilCount } from '../support/pipeline.ts';
import { freePort, temporaryFolder } from '../support/processes.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';

const MAX_REDIS_MB = 64;
const READONLY = 164;

/** Markets of about 16 KB each, so that a page of 100 is of the size of a real one; JSON in JSON in JSON grows on its way. */
function fatMarkets(count: number): Record<string, unknown>[] {
  const description = 'This market resolves to "Yes" if \\ "it" happens.\n'.repeat(320);
  return Array.from({ length: count }, (_, index) => ({
    id: String(900_000 + index),
    conditionId: `0x${String(index).padStart(64, '0')}`,
    question: `Fat ${index}?`,
    slug: `fat-${index}`,
    outcomes: '["Yes","No"]',
    clobTokenIds: JSON.stringify([
      String(10n ** 70n + BigInt(2 * index)),
      String(10n ** 70n + BigInt(2 * index + 1)),
    ]),
    active: true,
    closed: index % 2 === 0,
    createdAt: '2024-04-20T12:00:00Z',
    description,
  }));
}

/** A Redis of the test's own: its memory is nobody else's. */
async function ownRedis(): Promise<{ url: string; watch: MemoryWatch }> {
  const log = pino({ level: 'silent' });
  const dataDir = temporaryFolder();
  const url = `redis://127.0.0.1:${await freePort()}`;
  const supervisor = new Supervisor({ log, runFiles: new RunFiles(dataDir) });
  onTestFinished(() => supervisor.stop());
  await supervisor.start(redisServer(url, await redisBinary({ log, dataDir }), dataDir));
  return { url, watch: new MemoryWatch(url) };
}

/** The most memory that a Redis has used while it was watched. */
class MemoryWatch {
  mostMb = 0;

  constructor(url: string) {
    const redis = new Redis(url);
    const stop = new AbortController();
    const done = this.#watch(redis, stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await done;
      redis.disconnect();
    });
  }

  async #watch(redis: Redis, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const used = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
      this.mostMb = Math.max(this.mostMb, Number(used) / 1_000_000);
      await sleep(50);
    }
  }
}

test('Redis stays below its bound while ClickHouse takes nothing, with pages as fat as they come; then all lands', async () => {
  const recording = makeRecording({ events: 4_000, seed: 21 });
  const fat = fatMarkets(1_600);
  const redis = await ownRedis();
  const { environment, database } = await makeWorld(
    { ...recording, markets: [...recording.markets, ...fat] },
    { REDIS_URL: redis.url, MAX_REDIS_MB: String(MAX_REDIS_MB), MAX_QUEUED_PAGES: '10000' },
  );
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const { queues } = new RedisWorld(environment);
  await migrate(database);
  for (const table of ['market_versions', 'order_event_versions']) proxy.refuseInserts(table, READONLY);
  const worker = await startWorkerProcess({ ...environment, CLICKHOUSE_URL: proxy.url });

  await worker.said(`MAX_REDIS_MB=${MAX_REDIS_MB}`);
  // Time for pages to become rows, which are larger, and for the next fetches to come by.
  await sleep(4_000);
  proxy.hang();
  await sleep(1_500);
  expect(redis.watch.mostMb).toBeGreaterThan(MAX_REDIS_MB / 3);
  expect(redis.watch.mostMb).toBeLessThan(MAX_REDIS_MB);
  proxy.heal();

  await untilComplete(database, recording, 60_000);
  await untilCount(
    database,
    'SELECT count() AS n FROM markets',
    recording.markets.length + fat.length,
    60_000,
  );
  await expectExactly(database, recording);
  expect(redis.watch.mostMb).toBeLessThan(MAX_REDIS_MB);
  await expect.poll(() => queues.queuedPages(), { timeout: 20_000 }).toMatchObject({ failed: 0 });
}, 180_000);
