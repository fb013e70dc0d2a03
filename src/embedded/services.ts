import { join } from 'node:path';
import { endpoint, isLoopback, type Config } from '../base/config.ts';
import type { Logger } from '../base/log.ts';
import { clickHouseCommand } from './clickhouse/launch.ts';
import { probeClickHouse, probeRedis, type Answer } from './probe.ts';
import { redisBinary } from './redisBinary.ts';
import { redisServer } from './redisServer.ts';
import { RunFiles } from './runFiles.ts';
import { endStrayRedis } from './strayRedis.ts';
import type { ChildSpec, Said } from './supervisedChild.ts';
import { StartError, Supervisor } from './supervisor.ts';

export type Origin = 'external' | 'embedded';

export interface Services {
  readonly redis: Origin;
  readonly clickhouse: Origin;
  /** Runs the embedded services, and whatever the caller adds to them. Its `stop()` ends them all. */
  readonly supervisor: Supervisor;
}

export interface ServicesOptions {
  readonly log: Logger;
  readonly dataDir: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Decides once, now, for Redis and ClickHouse: a loopback URL at which nothing answers gets an embedded service; what
 * answers, or is not on loopback, is external and never replaced. What a killed supervisor of the same DATA_DIR left running is
 * ended first, so that it is not taken for external.
 * @throws StartError when a service cannot start, or its port is taken by something else. Nothing is left running then.
 */
export async function startServices(config: Config, options: ServicesOptions): Promise<Services> {
  const { log, dataDir, signal } = options;
  const runFiles = new RunFiles(dataDir);
  const ended = await runFiles.endOrphans();
  if (await endStrayRedis(config, runFiles)) ended.push('redis');
  for (const name of ended) log.info(`ended ${name}, left behind by a supervisor that was killed`);
  signal?.throwIfAborted();

  const supervisor = new Supervisor({ log, runFiles });
  const redis = async (): Promise<Origin> => {
    const { url } = config.redis;
    if (!(await isWanted(config, 'Redis', 'REDIS', url, probeRedis))) return 'external';
    if (new URL(url).protocol === 'rediss:') {
      throw new StartError(
        'The embedded Redis does not speak TLS: use redis:// in REDIS_URL, or start a Redis there.',
      );
    }
    const binary = await redisBinary({ log, dataDir, signal });
    await supervisor.start(redisServer(url, binary, dataDir), signal);
    return 'embedded';
  };
  const clickhouse = async (): Promise<Origin> => {
    const { url } = config.clickhouse;
    if (!(await isWanted(config, 'ClickHouse', 'CLICKHOUSE', url, probeClickHouse))) return 'external';
    if (new URL(url).protocol === 'https:') {
      throw new StartError(
        'The embedded ClickHouse does not speak TLS: use http:// in CLICKHOUSE_URL, or start a ClickHouse there.',
      );
    }
    await supervisor.start(clickhouseServer(config, dataDir), signal);
    return 'embedded';
  };

  const [first, second] = await Promise.allSettled([redis(), clickhouse()]);
  if (first.status === 'fulfilled' && second.status === 'fulfilled') {
    return { redis: first.value, clickhouse: second.value, supervisor };
  }
  await supervisor.stop();
  throw first.status === 'rejected' ? first.reason : (second as PromiseRejectedResult).reason;
}

async function isWanted(
  config: Config,
  service: string,
  setting: string,
  url: string,
  probe: (url: string) => Promise<Answer>,
): Promise<boolean> {
  const { host, port } = endpoint(url);
  if (config.embedded === 'off' || !isLoopback(host)) return false;
  const answer = await probe(url);
  if (answer === 'other') {
    throw new StartError(
      `Port ${port} on ${host} is in use by something that is not ${service}: stop it, or set ${setting}_URL (or ${setting}_PORT) to another port.`,
    );
  }
  return answer === 'nothing';
}

function clickhouseServer(config: Config, dataDir: string): ChildSpec {
  const { url, user, password } = config.clickhouse;
  const { host, port } = endpoint(url);
  return {
    name: 'clickhouse',
    ...clickHouseCommand({
      host: host === 'localhost' ? '127.0.0.1' : host,
      port,
      path: join(dataDir, 'clickhouse'),
      user,
      password,
    }),
    ipc: true,
    logFile: join(dataDir, 'logs', 'clickhouse.log'),
    ready: async () => (await probeClickHouse(url)) === 'service',
    lastWords: engineComplaint,
    // Running queries get up to 10 s to finish.
    stopTimeoutMs: 11_000,
  };
}

/** The engine itself writes what is wrong with its files, before the process says that it cannot open them. */
function engineComplaint({ stderr }: Said): string | undefined {
  const locked = 'Code: 76.';
  const complaint = stderr
    .find((line) => line.includes('DB::Exception') && !line.startsWith(locked))
    ?.slice(0, 500);
  return complaint === undefined ? undefined : `${stderr.at(-1)} ${complaint}`;
}
