import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { freePort } from '../embedded/probe.ts';
import { nodeCommand } from '../embedded/processes.ts';
import { RunFiles } from '../embedded/runFiles.ts';
import { Supervisor } from '../embedded/supervisor.ts';
import { blockNumberAt } from '../simulator/chain.ts';

export interface UpstreamOptions {
  readonly rate: string | undefined;
  readonly seed: string | undefined;
  readonly history: string | undefined;
  readonly era: string | undefined;
  readonly events: string | undefined;
  readonly markets: string | undefined;
}

export interface DemoUpstream {
  /** Settings that point the pipeline at the stand-ins. */
  readonly env: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

/** The demo shows things soon: shorter polls than the live pipeline's, unless the user says otherwise. */
const POLLS = { ORDERS_POLL_MS: '1000', MARKETS_POLL_MS: '10000' } as const;

const DEFAULT_HISTORY_S = 3600;
/** Seconds between reorganisations of the made chain. */
const REORG_EVERY_S = '60';

/** Starts the stand-ins of the upstream APIs as a supervised process of their own. @throws StartError, ConfigError */
export async function startUpstream(
  options: UpstreamOptions,
  { dataDir, logger, signal }: { dataDir: string; logger: Logger; signal: AbortSignal },
): Promise<DemoUpstream> {
  const { events, markets } = options;
  if (markets !== undefined && events === undefined) {
    throw new ConfigError('--markets needs --events: a recording has both.');
  }
  // A fixed port: one that is started again must be found where it was.
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const made = events === undefined ? madeMarket(options, dataDir) : undefined;
  const recording = events === undefined ? [] : ['--events', resolve(events)];
  if (markets !== undefined) recording.push('--markets', resolve(markets));
  const args = ['--port', String(port), ...(made?.args ?? recording)];
  const supervisor = new Supervisor({ log: logger, runFiles: new RunFiles(dataDir) });
  await supervisor.start(
    {
      name: 'simulator',
      ...nodeCommand('src/simulator/main.ts', args),
      ipc: true,
      ready: () => answers(`${base}/__requests`),
      logFile: join(dataDir, 'logs', 'simulator.log'),
    },
    signal,
  );
  const start = made?.start ?? (await startOf(base));
  return {
    env: {
      GAMMA_URL: `${base}/gamma`,
      GOLDSKY_URL: `${base}/goldsky`,
      POLYGON_RPC_URL: `${base}/polygon,${base}/polygon2`,
      // Of a recording that says no blocks the nodes have nothing.
      ...(start.block === undefined ? { ORDER_SOURCES: 'goldsky' } : {}),
      GOLDSKY_START: process.env['GOLDSKY_START'] ?? String(start.second),
      POLYGON_START: process.env['POLYGON_START'] ?? String(start.block ?? 0),
      ORDERS_POLL_MS: process.env['ORDERS_POLL_MS'] ?? POLLS.ORDERS_POLL_MS,
      MARKETS_POLL_MS: process.env['MARKETS_POLL_MS'] ?? POLLS.MARKETS_POLL_MS,
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
    },
    stop: () => supervisor.stop(),
  };
}

/** Where a source begins: a unix second, and the block of it where blocks are known. */
interface Start {
  readonly second: number;
  readonly block?: number;
}

/** The made exchange: its arguments, and where its history begins. */
function madeMarket(options: UpstreamOptions, dataDir: string): { args: string[]; start: Start } {
  const era = options.era ?? 'modern';
  if (era !== 'modern' && era !== 'v1')
    throw new ConfigError(`--era=${era} is not allowed: it must be modern or v1.`);
  const now = Math.floor(Date.now() / 1000);
  const history = Number(options.history ?? DEFAULT_HISTORY_S);
  if (!(history >= 0))
    throw new ConfigError(`--history=${options.history} is not allowed: it must be a number of seconds.`);
  const second = Math.floor(now - history);
  const args = ['--start', String(second), '--malformed-share', '0.0005'];
  if (era === 'modern') {
    const cutover = rememberedCutover(dataDir, Math.floor(second + history / 3));
    args.push('--cutover', String(cutover), '--reorg-every', REORG_EVERY_S);
  }
  if (options.rate !== undefined) args.push('--rate', options.rate);
  if (options.seed !== undefined) args.push('--seed', options.seed);
  return { args, start: { second, block: blockNumberAt(second) } };
}

/** The unix second of the cutover, kept with the demo's data: the same trades again when the demo is started again. */
function rememberedCutover(dataDir: string, fresh: number): number {
  const file = join(dataDir, 'cutover');
  try {
    const known = Number(readFileSync(file, 'utf8'));
    if (known > 0) return known;
  } catch {
    // The first start with this data.
  }
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(file, `${fresh}\n`);
  return fresh;
}

/** Where a recording begins. */
async function startOf(base: string): Promise<Start> {
  const response = await fetch(`${base}/__start`);
  return (await response.json()) as Start;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
