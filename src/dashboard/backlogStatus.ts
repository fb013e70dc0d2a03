import type { Redis } from 'ioredis';
import type { Config } from '../base/config.ts';
import { pauseReason, readBacklog, type Backlog } from '../../queues/backlog.ts';
import type { Queues } from '../../queues/producer.ts';

const MB = 1_000_000;

/** What lies in Redis on its way to ClickHouse. null stands where Redis has not answered yet. */
export interface BacklogStatus {
  /** Pages on their way, and those left in `failed`. */
  readonly pages: number | null;
  readonly bytes: number | null;
  /** Memory that Redis uses, in bytes, and the bound that fetching keeps it to (MAX_REDIS_MB). */
  readonly redisUsedBytes: number | null;
  readonly redisMaxBytes: number;
  /** Why fetching pauses; null while it goes on. */
  readonly pauseReason: string | null;
}

export interface RedisUse {
  readonly backlog: Backlog;
  /** Bytes; undefined where Redis does not say. */
  readonly usedBytes: number | undefined;
}

export async function readRedisUse(redis: Redis, queues: Queues): Promise<RedisUse> {
  const [backlog, info] = await Promise.all([readBacklog(redis, queues), redis.info('memory')]);
  const used = /^used_memory:(\d+)/m.exec(info)?.[1];
  return { backlog, usedBytes: used === undefined ? undefined : Number(used) };
}

/** @param use undefined while Redis has not answered yet */
export function backlogStatus(use: RedisUse | undefined, config: Config): BacklogStatus {
  return {
    pages: use === undefined ? null : use.backlog.onTheirWay + use.backlog.failed,
    bytes: use?.backlog.bytes ?? null,
    redisUsedBytes: use?.usedBytes ?? null,
    redisMaxBytes: config.maxRedisMb * MB,
    pauseReason: use === undefined ? null : (pauseReason(use.backlog, config) ?? null),
  };
}
