import { NODE_NAMES, type NodeName } from '../../../src/simulator/control.ts';
import type { SimulatedExchange } from '../../../src/simulator/exchange.ts';
import type { Random } from '../../../src/simulator/random.ts';
import type { NodeSettings } from '../../../src/simulator/rpcNode.ts';
import { between, seconds, type FaultKind, type Target } from '../fault.ts';
import { forFew, forSome, heal, only, troublesOf, type Api } from './api.ts';

const STYLES = ['infura', 'alchemy', 'quicknode', 'drpc', 'range'] as const;
/** Blocks behind the head, and ahead of it, of which a node may lack some. */
const AROUND_HEAD = 30;
const SOME_AHEAD = 5;

/** JSON-RPC errors that pass. */
const ERRORS = [
  [-32005, 'daily request count exceeded, request rate limited'],
  [-32000, 'header not found'],
  [-32603, 'Internal error'],
  [429, 'Your app has exceeded its compute units per second capacity'],
  [-32000, 'execution timeout'],
] as const;
/** One node's own, until somebody looks. */
const LASTING_ERRORS = [
  [-32601, 'the method eth_getLogs does not exist/is not available'],
  [-32001, 'Unauthorized: the key is not valid'],
] as const;

type NodeApi = Api & { readonly names: readonly NodeName[] };

/** What nodes of a chain do: each for itself, and all of them at once. */
export function nodeFaults(chain: SimulatedExchange): Target[] {
  const each = NODE_NAMES.map((name): Target => {
    const api: NodeApi = { ...only(name, 'a node'), names: [name] };
    return { name, everyS: 12, kinds: [...shared(api), ...ofOne(api, chain)] };
  });
  const api: NodeApi = { names: NODE_NAMES, kind: 'all nodes', what: 'all nodes' };
  return [...each, { name: 'all nodes', everyS: 30, kinds: shared(api) }];
}

/** What the pipeline has to get over also where every node does it. */
function shared(api: NodeApi): FaultKind[] {
  return [
    ...troublesOf(api),
    forSome(api, 'JSON-RPC errors', [0.5, 6], (random) => rpcError(random.pick(ERRORS))),
    forFew(api, 'a JSON-RPC error now and then', 3, (random) => rpcError(random.pick(ERRORS))),
    forSome(api, 'lags', [1, 8], (random) => ({ kind: 'behind', seconds: 2 + random.below(60) })),
    forFew(api, 'now and then lags', 3, (random) => ({ kind: 'behind', seconds: 2 + random.below(60) })),
    setting(api, 'is blocks behind', (random) => ({ behindBlocks: 1 + random.below(40) })),
    setting(api, 'few blocks a request', (random) => ({
      maxBlocks: 1 + random.below(50),
      style: random.pick(STYLES),
    })),
    setting(api, 'few logs a request', (random) => ({
      maxLogs: 1 + random.below(200),
      style: random.pick(STYLES),
    })),
    setting(api, 'small batches', (random) => ({ maxBatch: random.below(3) })),
    setting(api, 'no times in logs', () => ({ logTimestamps: false })),
    setting(api, 'knows no final block', () => ({ finalizedTag: false })),
    setting(api, 'lacks some logs', (random) => ({ holes: 0.02 + random.next() * 0.3 })),
  ];
}

function ofOne(api: NodeApi, chain: SimulatedExchange): FaultKind[] {
  return [
    forSome(api, 'has to be looked at', [1, 8], (random) => rpcError(random.pick(LASTING_ERRORS))),
    forSome(api, '403', [1, 8], () => ({ kind: 'status', status: 403 })),
    setting(api, 'lacks some blocks', (random) => {
      const behind = Array.from({ length: 1 + random.below(5) }, () => random.below(AROUND_HEAD));
      return () => {
        const { number } = chain.chainHead();
        return { missingBlocks: behind.map((blocks) => number + SOME_AHEAD - blocks) };
      };
    }),
  ];
}

function rpcError([code, message]: readonly [number, string]) {
  return { kind: 'rpcError', code, message } as const;
}

type Settings = Partial<NodeSettings>;

/** The node is like that for a time. */
function setting(
  api: NodeApi,
  name: string,
  draw: (random: Random) => Settings | (() => Settings),
): FaultKind {
  return {
    name: `${api.kind}: ${name}`,
    group: 'upstream',
    share: 1,
    draw: (random) => {
      const ms = between(random, 2, 12);
      const drawn = draw(random);
      const detail = typeof drawn === 'function' ? '' : JSON.stringify(drawn);
      return {
        what: `${api.what}: ${name} for ${seconds(ms)} ${detail}`.trimEnd(),
        forMs: ms,
        run: async ({ upstream }, pause) => {
          const settings = typeof drawn === 'function' ? drawn() : drawn;
          for (const node of api.names) upstream[node].node = { ...upstream[node].node, ...settings };
          await pause(ms);
          heal(upstream, api);
        },
      };
    },
  };
}
