import type { Redis } from 'ioredis';
import type { Config } from '../src/base/config.ts';
import { log } from '../src/base/log.ts';
import { GammaSource } from '../src/sources/gamma.ts';
import { GoldskySource } from '../src/sources/goldsky.ts';
import { HyperSyncSource } from '../src/sources/hypersync.ts';
import { PolygonSource } from '../src/sources/polygon.ts';
import { Database } from '../src/store/clickhouse.ts';
import { Breakers } from '../queues/breaker.ts';
import { concurrencyOf } from '../queues/catalogue.ts';
import { connectRedis } from '../queues/connection.ts';
import { Queues } from '../queues/producer.ts';
import { SourceStates } from '../queues/sourceState.ts';
import { SweepStates } from '../queues/sweepState.ts';
import { TokenLookups } from '../queues/tokenLookups.ts';
import { FreshPages } from './freshPages.ts';
import { LabelCache } from './labelCache.ts';
import { StoredPages } from './storedPages.ts';
import { BatchingWriter } from './writes.ts';

/** What the processors of one worker process share. */
export interface WorkerContext {
  readonly config: Config;
  readonly redis: Redis;
  readonly queues: Queues;
  readonly database: Database;
  readonly gamma: GammaSource;
  readonly goldsky: GoldskySource;
  readonly polygon: PolygonSource;
  /** Undefined without a token. */
  readonly hypersync: HyperSyncSource | undefined;
  readonly breakers: Breakers;
  readonly sources: SourceStates;
  readonly sweeps: SweepStates;
  readonly lookups: TokenLookups;
  readonly labels: LabelCache;
  readonly freshPages: FreshPages;
  readonly storedPages: StoredPages;
  readonly writer: BatchingWriter;
}

export function createContext(config: Config): WorkerContext {
  const redis = connectRedis(config.redis.url, log('redis'));
  const { prefix } = config.redis;
  const database = new Database(config.clickhouse);
  const queues = new Queues(redis, prefix);
  return {
    config,
    redis,
    queues,
    database,
    gamma: new GammaSource({ url: config.gamma.url }),
    goldsky: new GoldskySource({ url: config.goldsky.url }),
    polygon: new PolygonSource(config.polygon),
    hypersync:
      config.hypersync === undefined
        ? undefined
        : new HyperSyncSource({ ...config.hypersync, exchanges: config.polygon.exchanges }),
    breakers: new Breakers(redis, prefix),
    sources: new SourceStates(redis, prefix),
    sweeps: new SweepStates(redis, prefix),
    lookups: new TokenLookups(redis, prefix),
    labels: new LabelCache(database),
    freshPages: new FreshPages(),
    storedPages: new StoredPages(redis, queues),
    writer: new BatchingWriter(database, { ...config.write, mostHeld: concurrencyOf('orders', config) }),
  };
}

export async function closeContext(context: WorkerContext): Promise<void> {
  await context.database.close();
  // Without Redis this does not end; the connection is cut then.
  if (context.redis.status === 'ready') await context.queues.close();
  context.redis.disconnect();
}
