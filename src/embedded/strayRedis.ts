import { realpathSync } from 'node:fs';
import { Redis } from 'ioredis';
import { endpoint, isLoopback, type Config } from '../base/config.ts';
import { redisFolder } from './redisServer.ts';
import { describeProcess, endProcess, ORPHAN_STOP_MS, type Process, type RunFiles } from './runFiles.ts';

/**
 * Ends an embedded Redis of this DATA_DIR that no run file knows: its supervisor was killed in the moment between its
 * start and the note of it, or somebody removed the files. Gives true when there was one.
 */
export async function endStrayRedis(config: Config, runFiles: RunFiles): Promise<boolean> {
  const { url } = config.redis;
  if (config.embedded === 'off' || !isLoopback(endpoint(url).host)) return false;
  const stray = await redisOver(url, redisFolder(config.dataDir));
  // Another supervisor of this DATA_DIR may run it.
  if (stray === undefined || runFiles.running('redis') !== undefined) return false;
  await endProcess(stray, ORPHAN_STOP_MS);
  return true;
}

/** The process of a Redis that answers there and keeps its files in this folder. */
async function redisOver(url: string, folder: string): Promise<Process | undefined> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const [, dir] = await redis.config('GET', 'dir');
    if (dir !== realpathSync(folder)) return undefined;
    const pid = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1]);
    return pid > 0 ? describeProcess(pid) : undefined;
  } catch {
    // Nothing there, or nothing that lets itself be asked: not this program's own.
    return undefined;
  } finally {
    redis.disconnect();
  }
}
