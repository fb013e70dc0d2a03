import { join, resolve } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { freePort } from '../embedded/probe.ts';
import { nodeCommand } from '../embedded/processes.ts';
import { RunFiles } from '../embedded/runFiles.ts';
import { Supervisor } from '../embedded/supervisor.ts';

export interface UpstreamOptions {
  readonly rate: string | undefined;
  readonly seed: string | undefined;
  readonly history: string | undefined;
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

const DEFAULT_HISTORY_S = '3600';

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
  const args = ['--port', String(port)];
  if (events === undefined) {
    args.push('--history-seconds', options.history ?? DEFAULT_HISTORY_S, '--malformed-share', '0.0005');
    if (options.rate !== undefined) args.push('--rate', options.rate);
    if (options.seed !== undefined) args.push('--seed', options.seed);
  } else {
    args.push('--events', resolve(events));
    if (markets !== undefined) args.push('--markets', resolve(markets));
  }
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
  const goldskyUrl = `${base}/goldsky`;
  const start =
    events === undefined
      ? Math.floor(Date.now() / 1000) - Number(options.history ?? DEFAULT_HISTORY_S)
      : await firstSecond(goldskyUrl);
  return {
    env: {
      GAMMA_URL: `${base}/gamma`,
      GOLDSKY_URL: goldskyUrl,
      GOLDSKY_START: process.env['GOLDSKY_START'] ?? String(start),
      ORDERS_POLL_MS: process.env['ORDERS_POLL_MS'] ?? POLLS.ORDERS_POLL_MS,
      MARKETS_POLL_MS: process.env['MARKETS_POLL_MS'] ?? POLLS.MARKETS_POLL_MS,
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
    },
    stop: () => supervisor.stop(),
  };
}

/** Unix second of the first event of a recording; 0 where there is none. */
async function firstSecond(goldskyUrl: string): Promise<number> {
  const query =
    '{ orderFilledEvents(first: 1, orderBy: timestamp, where: { timestamp_gte: "0" }) { timestamp } }';
  const response = await fetch(goldskyUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const answer = (await response.json()) as { data?: { orderFilledEvents?: { timestamp?: unknown }[] } };
  return Number(answer.data?.orderFilledEvents?.[0]?.timestamp ?? 0);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
