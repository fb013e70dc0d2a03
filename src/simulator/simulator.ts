import { ApiControl, type Control, type RateLimit } from './control.ts';
import { SimulatedExchange, type ExchangeOptions } from './exchange.ts';
import { gammaApi } from './gamma.ts';
import { goldskyApi } from './goldsky.ts';
import { listen } from './server.ts';
import type { Upstream } from './upstream.ts';

export interface SimulatorOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** What to serve: an exchange made before, or the options of a generated one. */
  readonly upstream?: Upstream;
  readonly exchange?: Partial<ExchangeOptions>;
  /** Requests let through in 10 s; 0 or nothing = no limit. */
  readonly goldskyLimit?: number;
  readonly gammaLimit?: number;
  readonly latencyMs?: number;
}

export interface Simulator {
  readonly port: number;
  readonly gammaUrl: string;
  readonly goldskyUrl: string;
  readonly control: Control;
  readonly upstream: Upstream;
  close(): Promise<void>;
}

const WINDOW_MS = 10_000;
const DEFAULT_HISTORY_SECONDS = 3600;

/**
 * Starts the stand-ins of both APIs on loopback.
 * @throws AppError `SIMULATOR_PORT` when the port is taken.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const now = options.exchange?.now ?? Date.now;
  const start = Math.floor(now() / 1000) - DEFAULT_HISTORY_SECONDS;
  const upstream = options.upstream ?? new SimulatedExchange({ start, ...options.exchange });
  const control = { gamma: new ApiControl(), goldsky: new ApiControl() };
  control.gamma.limit = limitOf(options.gammaLimit);
  control.goldsky.limit = limitOf(options.goldskyLimit);
  control.gamma.latencyMs = control.goldsky.latencyMs = options.latencyMs ?? 0;
  const apis = { gamma: gammaApi(), goldsky: goldskyApi() };
  const { port, close } = await listen({ port: options.port ?? 0, upstream, control, apis });
  const base = `http://127.0.0.1:${port}`;
  return { port, gammaUrl: `${base}/gamma`, goldskyUrl: `${base}/goldsky`, control, upstream, close };
}

function limitOf(requests: number | undefined): RateLimit | undefined {
  return requests === undefined || requests === 0
    ? undefined
    : { requests, windowMs: WINDOW_MS, retryAfter: true };
}
