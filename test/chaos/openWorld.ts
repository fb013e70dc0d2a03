import { freePort } from '../../src/embedded/probe.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { OutageProxy } from '../support/outageProxy.ts';
import { Clocks } from './clocks.ts';
import { WORKERS, type World } from './fault.ts';
import type { Source } from './source.ts';
import { SupervisedStack, type StackEnd } from './supervisedStack.ts';

export interface OpenWorld extends World {
  readonly source: Source;
  readonly clickhouseUrl: string;
  readonly dashboardUrl: string;
  /** What the stack's processes have in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends the stack, then all that stands around it. */
  readonly close: () => Promise<StackEnd>;
}

/** A stack that does not run yet, the simulator that feeds it, and proxies between all of them. */
export async function openWorld(options: {
  readonly source: Source;
  readonly dataDir: string;
  readonly say: (line: string) => void;
}): Promise<OpenWorld> {
  const { source, dataDir, say } = options;
  const simulator = await startSimulator(source.simulator);
  const redisPort = await freePort();
  const redisUrl = `redis://127.0.0.1:${redisPort}`;
  const clickhouseUrl = `http://127.0.0.1:${await freePort()}`;
  const redis = await OutageProxy.open({ host: '127.0.0.1', port: redisPort });
  const clickhouse = await ClickHouseProxy.open(clickhouseUrl);
  const clocks = new Clocks(dataDir);
  const dashboardPort = await freePort();
  const env = {
    REDIS_URL: redisUrl,
    CLICKHOUSE_URL: clickhouseUrl,
    CLICKHOUSE_DATABASE: 'chaos',
    CHAOS_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    CHAOS_CLICKHOUSE_URL: clickhouse.url,
    CHAOS_WORKERS: WORKERS.join(),
    CHAOS_CLOCKS: clocks.dir,
    GAMMA_URL: simulator.gammaUrl,
    ...source.settings(simulator),
    GAMMA_REQUESTS_PER_10S: '200',
    GOLDSKY_REQUESTS_PER_10S: '200',
    MARKETS_POLL_MS: '1500',
    ORDERS_POLL_MS: '700',
    WRITE_MAX_WAIT_MS: '400',
    DATA_DIR: dataDir,
    DASHBOARD_PORT: String(dashboardPort),
    EMBEDDED: 'auto',
    LOG_LEVEL: 'info',
  };
  const stack = new SupervisedStack(dataDir, env);
  const close = async () => {
    const end = await stack.stop();
    source.stop();
    await redis.down();
    await clickhouse.close();
    await simulator.close();
    return end;
  };
  return {
    dataDir,
    stack,
    redisUrl,
    redis,
    clickhouse,
    upstream: simulator.control,
    clocks,
    source,
    say,
    clickhouseUrl,
    dashboardUrl: `http://127.0.0.1:${dashboardPort}/`,
    env,
    close,
  };
}

/** Every fault is undone, and the market is quiet. */
export function heal({ clickhouse, upstream, clocks, source }: OpenWorld): void {
  clickhouse.heal();
  for (const api of Object.values(upstream)) api.heal();
  for (const worker of WORKERS) clocks.set(worker, 0);
  source.quieten();
}
