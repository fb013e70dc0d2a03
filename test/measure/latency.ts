import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../../src/base/command.ts';
import type { Config } from '../../src/base/config.ts';
import { AppError, ConfigError } from '../../src/base/errors.ts';
import { nodeCommand } from '../../src/embedded/processes.ts';
import { BLOCK_SECONDS, blockNumberAt } from '../../src/simulator/chain.ts';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { connectRedis } from '../../queues/connection.ts';
import { log } from '../../src/base/log.ts';

const POLL_MS = 1_000;
const LOOK_EVERY_MS = 50;
const HISTORY_S = 60;
/** What an answer of a node or of the subgraph takes, in milliseconds. */
const ANSWER_MS = 100;
const START_MS = 60_000;
/** How long after the last measured block its trades are waited for. */
const REST_MS = 20_000;
const SOURCES = ['polygon', 'goldsky'] as const;
type Source = (typeof SOURCES)[number];

await runCommand({
  name: 'measure-latency',
  summary:
    'Runs one worker process on the stand-ins, with Redis and ClickHouse as the settings say (npm run services) and names of its own in\n' +
    'them, and prints how long a block takes until all its trades are in a SELECT. Polls each second; the stand-ins answer after 100 ms.',
  options: {
    seconds: { type: 'string', value: 'N', help: 'how long (default 60)' },
    rate: { type: 'string', value: 'N', help: 'order events a second (default 50)' },
    source: { type: 'string', value: 'S', help: `${SOURCES.join(' or ')} (default polygon)` },
  },
  run: async ({ config, args, signal, onStop }) => {
    const seconds = wholeNumber('seconds', args.seconds ?? '60');
    const rate = wholeNumber('rate', args.rate ?? '50');
    const source = SOURCES.find((one) => one === (args.source ?? 'polygon'));
    if (source === undefined) throw new ConfigError(`--source must be ${SOURCES.join(' or ')}.`);
    const world = await startWorld(config, source, rate);
    onStop(() => world.end());
    try {
      await untilCaughtUp(world, signal);
      const delays = await measure(world, seconds, signal);
      const machine = `${cpus().length} cores (${cpus()[0]?.model ?? ''})`;
      console.log(`${new Date().toISOString().slice(0, 10)}, ${machine}`);
      console.log(`${source}, ${rate} order events a second, polled each second: ${delays.length} blocks\n`);
      console.log('Milliseconds until all trades are in a SELECT    p50    p90    p99');
      print(
        'from when the block could be read',
        delays.map(({ served }) => served),
      );
      print(
        "from the block's own time",
        delays.map(({ block }) => block),
      );
    } finally {
      await world.end();
    }
  },
});

interface World {
  readonly simulator: Simulator;
  readonly upstream: SimulatedExchange;
  readonly database: Database;
  readonly worker: ChildProcess;
  readonly source: Source;
  /** Milliseconds from a block's time until the stand-in serves it. */
  readonly servedAfterMs: number;
  end(): Promise<void>;
}

async function startWorld(config: Config, source: Source, rate: number): Promise<World> {
  const start = Math.floor(Date.now() / 1000) - HISTORY_S;
  const upstream = new SimulatedExchange({
    start,
    eventsPerSecond: rate,
    burstProbability: 0,
    ...(source === 'polygon' ? { cutover: start } : {}),
  });
  const simulator = await startSimulator({ upstream, latencyMs: ANSWER_MS });
  const name = `measure_${Date.now()}`;
  const prefix = `{${name}}`;
  const database = new Database({ ...config.clickhouse, database: name });
  const { command, args } = nodeCommand('workers/main.ts');
  const worker = spawn(command, args, {
    env: {
      ...process.env,
      REDIS_PREFIX: prefix,
      CLICKHOUSE_DATABASE: name,
      ORDER_SOURCES: source,
      ORDERS_POLL_MS: String(POLL_MS),
      GAMMA_URL: simulator.gammaUrl,
      GOLDSKY_URL: simulator.goldskyUrl,
      POLYGON_RPC_URL: simulator.polygonUrls.join(','),
      GOLDSKY_START: String(start),
      POLYGON_START: String(blockNumberAt(start)),
      LOG_LEVEL: 'warn',
      EMBEDDED: 'off',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let ended: Promise<void> | undefined;
  const close = async () => {
    if (worker.exitCode === null && worker.signalCode === null) {
      const exited = once(worker, 'exit');
      worker.kill('SIGTERM');
      await exited;
    }
    await simulator.close();
    await removeKeys(config, prefix);
    await database.runOutside(`DROP DATABASE IF EXISTS ${name}`);
    await database.close();
  };
  const { indexingDelayMs, blockDelayMs } = upstream.options;
  const servedAfterMs = source === 'polygon' ? blockDelayMs : indexingDelayMs;
  return { simulator, upstream, database, worker, source, servedAfterMs, end: () => (ended ??= close()) };
}

async function removeKeys({ redis: { url } }: Config, prefix: string): Promise<void> {
  const redis = connectRedis(url, log('redis'));
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
    if ((keys as string[]).length > 0) await redis.unlink(keys as string[]);
  }
  redis.disconnect();
}

/** Trades in a SELECT by the second of their block, from a second on. */
async function tradesBySecond(database: Database, from: number): Promise<Map<number, number>> {
  const rows = await database.rows<{ second: number; n: string }>(
    `SELECT toUnixTimestamp(timestamp) AS second, count() AS n FROM trades
     WHERE timestamp >= toDateTime({from:UInt32}) GROUP BY second`,
    { from },
  );
  return new Map(rows.map(({ second, n }) => [second, Number(n)]));
}

/** Waits until the tail is at the head. */
async function untilCaughtUp({ database, worker }: World, signal: AbortSignal): Promise<void> {
  const end = performance.now() + START_MS;
  while (performance.now() < end) {
    const second = Math.floor(Date.now() / 1000);
    const stored = await tradesBySecond(database, second - 10).catch(() => new Map<number, number>());
    if (stored.size > 0) return;
    if (worker.exitCode !== null) break;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  throw new AppError('NOT_STARTED', 'The worker did not catch up: is "npm run services" up?', {
    retry: 'never',
  });
}

/** Milliseconds until a block's trades were there. */
interface Delay {
  readonly served: number;
  readonly block: number;
}

async function measure(world: World, seconds: number, signal: AbortSignal): Promise<Delay[]> {
  const { upstream, database, servedAfterMs } = world;
  const first = nextBlockSecond(Date.now() / 1000);
  const last = first + seconds;
  const waiting = new Set<number>();
  const delays: Delay[] = [];
  let next = first;
  while (next < last || waiting.size > 0) {
    for (; next < last && next * 1000 + servedAfterMs <= Date.now(); next += BLOCK_SECONDS) waiting.add(next);
    const oldest = Math.min(...waiting, next);
    const stored = await tradesBySecond(database, oldest);
    const now = Date.now();
    for (const second of waiting) {
      const wanted = upstream.logs(blockNumberAt(second)).length;
      if ((stored.get(second) ?? 0) < wanted) continue;
      waiting.delete(second);
      const block = now - second * 1000;
      // Nothing is traded in some blocks.
      if (wanted > 0) delays.push({ block, served: block - servedAfterMs });
    }
    if (now > last * 1000 + REST_MS) {
      const what = `The trades of ${waiting.size} blocks have not come within ${REST_MS / 1000} s.`;
      throw new AppError('TOO_LATE', what, { retry: 'never' });
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  return delays;
}

/** The first block after the next one: nothing of it has been served. */
function nextBlockSecond(now: number): number {
  return (Math.ceil(now / BLOCK_SECONDS) + 1) * BLOCK_SECONDS;
}

function print(title: string, values: readonly number[]): void {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  const columns = [0.5, 0.9, 0.99].map((share) => String(Math.round(at(share))).padStart(7));
  console.log(`${title.padEnd(45)}${columns.join('')}`);
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new ConfigError(`--${option} must be a whole number from 1.`);
  return value;
}
