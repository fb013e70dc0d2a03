import {
  ApiControl,
  NODE_NAMES,
  NodeControl,
  type Control,
  type NodeName,
  type RateLimit,
} from './control.ts';
import { SimulatedExchange, type ExchangeOptions } from './exchange.ts';
import { gammaApi } from './gamma.ts';
import { goldskyApi } from './goldsky.ts';
import { HYPERSYNC_DEFAULTS, hypersyncApi, type HyperSyncSettings } from './hypersync.ts';
import { rpcApi } from './rpc.ts';
import { NODE_DEFAULTS, type NodeSettings } from './rpcNode.ts';
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
  /** Of each node for itself. */
  readonly polygonLimit?: number;
  readonly latencyMs?: number;
  /** How each node answers, where it is not as {@link NODE_DEFAULTS} says. */
  readonly nodes?: Partial<Record<NodeName, Partial<NodeSettings>>>;
  readonly hypersync?: Partial<HyperSyncSettings>;
}

export interface Simulator {
  readonly port: number;
  readonly gammaUrl: string;
  readonly goldskyUrl: string;
  /** The first node of the chain. */
  readonly polygonUrl: string;
  /** All three nodes. */
  readonly polygonUrls: readonly string[];
  readonly hypersyncUrl: string;
  readonly control: Control;
  readonly upstream: Upstream;
  close(): Promise<void>;
}

const WINDOW_MS = 10_000;
const DEFAULT_HISTORY_SECONDS = 3600;

/**
 * Starts the stand-ins of all upstream APIs on loopback.
 * @throws AppError `SIMULATOR_PORT` when the port is taken.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const now = options.exchange?.now ?? Date.now;
  const start = Math.floor(now() / 1000) - DEFAULT_HISTORY_SECONDS;
  const upstream = options.upstream ?? new SimulatedExchange({ start, ...options.exchange });
  const control = controlOf(options);
  const node = (name: NodeName) => rpcApi(() => control[name].node);
  const apis = {
    gamma: gammaApi(),
    goldsky: goldskyApi(),
    polygon: node('polygon'),
    polygon2: node('polygon2'),
    polygon3: node('polygon3'),
    hypersync: hypersyncApi({ ...HYPERSYNC_DEFAULTS, ...options.hypersync }),
  };
  const { port, close } = await listen({ port: options.port ?? 0, upstream, control, apis });
  const base = `http://127.0.0.1:${port}`;
  return {
    port,
    gammaUrl: `${base}/gamma`,
    goldskyUrl: `${base}/goldsky`,
    polygonUrl: `${base}/polygon`,
    polygonUrls: NODE_NAMES.map((name) => `${base}/${name}`),
    hypersyncUrl: `${base}/hypersync`,
    control,
    upstream,
    close,
  };
}

function controlOf({ nodes, gammaLimit, goldskyLimit, polygonLimit, latencyMs }: SimulatorOptions): Control {
  const node = (name: NodeName) => new NodeControl(name, { ...NODE_DEFAULTS, ...nodes?.[name] });
  const control = {
    gamma: new ApiControl('gamma'),
    goldsky: new ApiControl('goldsky'),
    polygon: node('polygon'),
    polygon2: node('polygon2'),
    polygon3: node('polygon3'),
    hypersync: new ApiControl('hypersync'),
  };
  for (const api of Object.values(control)) api.latencyMs = latencyMs ?? 0;
  control.gamma.limit = limitOf(gammaLimit);
  control.goldsky.limit = limitOf(goldskyLimit);
  for (const name of NODE_NAMES) control[name].limit = limitOf(polygonLimit);
  return control;
}

function limitOf(requests: number | undefined): RateLimit | undefined {
  return requests === undefined || requests === 0
    ? undefined
    : { requests, windowMs: WINDOW_MS, retryAfter: true };
}
