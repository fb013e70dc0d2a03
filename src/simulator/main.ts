import { parseArgs } from 'node:util';
import { ConfigError, oneLine } from '../base/errors.ts';
import { onSupervisorGone } from '../base/supervised.ts';
import { SimulatedExchange } from './exchange.ts';
import { readRecording } from './recordedFiles.ts';
import { startSimulator } from './simulator.ts';
import type { Upstream } from './upstream.ts';

const HELP = `Stand-ins of the market API, the orderbook subgraph, three Polygon nodes and HyperSync on loopback.
Prints one JSON line when ready.

  --port N                 0 = a free one (default)
  --rate N                 order events a second (default 25)
  --seed N                 another seed, another exchange (default 1)
  --history-seconds N      history before the start of this process (default 3600)
  --start UNIX             first second with events; wins over --history-seconds
  --burst-probability P    chance of a burst in a block of 2 s (default 0.0005)
  --burst-events N         mean events of a burst (default 1500)
  --malformed-share P      share of events and markets served broken (default 0)
  --unknown-share P        share of matches in tokens no market lists (default 0.005)
  --listing-delay N        seconds by which some markets are listed after their first fill (default 20)
  --era NAME               v1: all trading is on the V1 exchanges (default); modern: a third of the history is,
                           then all of it is on the V2 and V3 exchanges, which the subgraph knows nothing of
  --cutover UNIX           first second of trading on the V2 and V3 exchanges; wins over --era
  --reorg-every SECONDS    the newest blocks of the chain are replaced so often; 0 = never (default)
  --finality-blocks N      the newest final block is this far behind the head (default 3)
  --events FILE            replay a recording instead: CSV with poly_data's columns, gzipped or not
  --markets FILE           its markets: JSON array or lines of Gamma markets, Gamma events or CLOB markets
  --goldsky-limit N        requests let through in 10 s; 0 = no limit (default)
  --gamma-limit N          the same for the market API
  --polygon-limit N        the same for each Polygon node
  --latency-ms N           added to every answer (default 0)
`;

const text = { type: 'string' } as const;
const OPTIONS = {
  help: { type: 'boolean' },
  port: text,
  rate: text,
  seed: text,
  'history-seconds': text,
  start: text,
  'burst-probability': text,
  'burst-events': text,
  'malformed-share': text,
  'unknown-share': text,
  'listing-delay': text,
  era: text,
  cutover: text,
  'reorg-every': text,
  'finality-blocks': text,
  events: text,
  markets: text,
  'goldsky-limit': text,
  'gamma-limit': text,
  'polygon-limit': text,
  'latency-ms': text,
} as const;

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new ConfigError(`${oneLine(error)} See --help.`);
  }
}

type Arguments = ReturnType<typeof readArguments>;
type NumberName = Exclude<keyof Arguments, 'help' | 'era' | 'events' | 'markets'>;

function number(given: Arguments, name: NumberName, fallback: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = given[name];
  if (value === undefined) return fallback;
  const read = value.trim() === '' ? NaN : Number(value);
  if (!(read >= 0 && read <= max))
    throw new ConfigError(`--${name}=${value} is not allowed: it must be a number from 0 to ${max}.`);
  return read;
}

async function upstreamOf(given: Arguments): Promise<Upstream> {
  if (given.events !== undefined) return readRecording({ events: given.events, markets: given.markets });
  if (given.markets !== undefined) throw new ConfigError('--markets needs --events: a recording has both.');
  const start = Math.floor(
    number(given, 'start', Date.now() / 1000 - number(given, 'history-seconds', 3600)),
  );
  return new SimulatedExchange({
    start,
    cutover: cutoverOf(given, start),
    reorgEverySeconds: Math.floor(number(given, 'reorg-every', 0)),
    finalityBlocks: Math.floor(number(given, 'finality-blocks', 3)),
    seed: Math.floor(number(given, 'seed', 1, 2 ** 31)),
    eventsPerSecond: number(given, 'rate', 25, 1e6),
    burstProbability: number(given, 'burst-probability', 0.0005, 1),
    burstEvents: number(given, 'burst-events', 1_500, 1e6),
    malformedShare: number(given, 'malformed-share', 0, 1),
    unknownTokenShare: number(given, 'unknown-share', 0.005, 1),
    listingDelaySeconds: number(given, 'listing-delay', 20),
  });
}

function cutoverOf(given: Arguments, start: number): number | undefined {
  const era = given.era ?? 'v1';
  if (era !== 'v1' && era !== 'modern')
    throw new ConfigError(`--era=${era} is not allowed: it must be v1 or modern.`);
  if (given.cutover !== undefined) return Math.floor(number(given, 'cutover', 0));
  return era === 'v1' ? undefined : Math.floor(start + (Date.now() / 1000 - start) / 3);
}

async function main(): Promise<void> {
  const given = readArguments();
  if (given.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const simulator = await startSimulator({
    port: number(given, 'port', 0, 65_535),
    upstream: await upstreamOf(given),
    goldskyLimit: number(given, 'goldsky-limit', 0),
    gammaLimit: number(given, 'gamma-limit', 0),
    polygonLimit: number(given, 'polygon-limit', 0),
    latencyMs: number(given, 'latency-ms', 0),
  });
  const stop = (): void => void simulator.close().finally(() => process.exit(0));
  process.once('SIGTERM', stop).once('SIGINT', stop);
  onSupervisorGone(stop);
  const { port, gammaUrl, goldskyUrl, polygonUrl, polygonUrls, hypersyncUrl } = simulator;
  const urls = { gammaUrl, goldskyUrl, polygonUrl, polygonUrls, hypersyncUrl };
  process.stdout.write(`${JSON.stringify({ ready: true, port, ...urls })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${oneLine(error)}\n`);
  process.exitCode = 1;
});
