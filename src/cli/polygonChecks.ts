import { displayUrl, type Config } from '../base/config.ts';
import { HyperSyncSource } from '../sources/hypersync.ts';
import { upstream } from '../sources/http.ts';
import { JsonRpcEndpoint } from '../sources/jsonRpc.ts';
import { PolygonSource } from '../sources/polygon.ts';
import { CHECK_MS, failed, passed, type Check, type CheckResult } from './check.ts';
import { formatCount, formatDuration } from './text.ts';

const CHAIN_ID = 137;
/** The newest block of a node that keeps up is younger, in seconds. */
const STALE_S = 120;
/** The first block of the V1 exchanges: there in any archive. */
const EARLY_BLOCK = 33_605_403;

/** Each node by itself: a comma list fails over, and hides one that does not work. */
export function polygonChecks(config: Config): Check[] {
  const { urls } = config.polygon;
  const { hypersync } = config;
  return [
    ...urls.map((url, index) => ({
      name: urls.length === 1 ? 'polygon' : `polygon ${index + 1}`,
      run: () => checkNode(url, config.polygon),
    })),
    ...(hypersync === undefined
      ? []
      : [{ name: 'hypersync', run: () => checkHyperSync(hypersync, config.polygon) }]),
  ];
}

async function checkNode(
  url: string,
  { exchanges, finalityBlocks }: Config['polygon'],
): Promise<CheckResult> {
  const where = displayUrl(url);
  const chainId = await chainIdOf(url);
  if (chainId !== undefined && chainId !== CHAIN_ID) {
    return failed(
      `${where} is a node of chain ${chainId}, not of Polygon (${CHAIN_ID}): mend POLYGON_RPC_URL.`,
    );
  }
  const node = new PolygonSource({ urls: [url], exchanges, finalityBlocks, timeoutMs: CHECK_MS });
  const { latest, finalized } = await node.heads();
  const age = Math.max(0, Math.floor(Date.now() / 1000) - latest.timestamp);
  if (age >= STALE_S) {
    return failed(
      `${where} answers, but its newest block (${latest.number}) is ${formatDuration(age)} old: take another node in POLYGON_RPC_URL.`,
    );
  }
  const depth = latest.number - finalized.number;
  const final =
    depth === finalityBlocks
      ? `blocks ${finalityBlocks} behind it count as final (POLYGON_FINALITY_BLOCKS)`
      : `final up to ${formatCount(depth)} blocks before it`;
  return passed(`${where} answers; its newest block is ${latest.number}, ${age} s old, ${final}.`);
}

/** Undefined where the node does not say; what stands against it is said by the next request. */
async function chainIdOf(url: string): Promise<number | undefined> {
  const node = new JsonRpcEndpoint(upstream({ name: 'Polygon', url, timeoutMs: CHECK_MS }));
  const id = await node.result({ method: 'eth_chainId', params: [] }, {}).catch(() => undefined);
  return typeof id === 'string' && /^0x[0-9a-f]{1,12}$/i.test(id) ? Number(id) : undefined;
}

async function checkHyperSync(
  { url, token }: NonNullable<Config['hypersync']>,
  { exchanges }: Config['polygon'],
): Promise<CheckResult> {
  const hypersync = new HyperSyncSource({ url, token, exchanges, timeoutMs: CHECK_MS });
  await hypersync.fetchLogs({ from: EARLY_BLOCK, to: EARLY_BLOCK + 1 });
  return passed(`${displayUrl(url)} answers, and takes the token.`);
}
