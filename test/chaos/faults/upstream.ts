import type { Random } from '../../../src/simulator/random.ts';
import type { ApiName, Fault as ApiFault } from '../../../src/simulator/control.ts';
import { between, seconds, type FaultKind, type Target } from '../fault.ts';

const group = 'upstream';

const MESSAGES = [
  'Store error: database error: canceling statement due to statement timeout',
  'subgraph Qm has only indexed up to block number 1 and data for block number 2 is therefore not yet available',
  'service is overloaded and can not run the query right now. Please try again in a few minutes',
  'the chain was reorganized while executing the query',
  'Something went wrong',
];

/** Every request meets it for a time. */
function forSome(
  api: ApiName,
  name: string,
  [fromS, toS]: readonly [number, number],
  draw: (random: Random) => ApiFault,
): FaultKind {
  return {
    name: `${api}: ${name}`,
    group,
    share: 1,
    draw: (random) => {
      const ms = between(random, fromS, toS);
      const fault = draw(random);
      return {
        what: `${api}: ${name} for ${seconds(ms)} ${detail(fault)}`.trimEnd(),
        forMs: ms,
        run: async ({ upstream }, pause) => {
          upstream[api].failNext(Infinity, fault);
          await pause(ms);
          upstream[api].heal();
        },
      };
    },
  };
}

/** The next few requests meet it. */
function forFew(
  api: ApiName,
  name: string,
  most: number,
  draw: (random: Random) => ApiFault,
  share = 1,
): FaultKind {
  return {
    name: `${api}: ${name}`,
    group,
    share,
    draw: (random) => {
      const times = 1 + random.below(most);
      const fault = draw(random);
      return {
        what: `${api}: ${name}, ${times} x ${detail(fault)}`.trimEnd(),
        run: ({ upstream }) => upstream[api].failNext(times, fault),
      };
    },
  };
}

function detail(fault: ApiFault): string {
  const { kind, ...rest } = fault;
  return kind === 'graphql' || kind === 'status' || kind === 'behind' ? JSON.stringify(rest) : '';
}

function slow(api: ApiName): FaultKind {
  return {
    name: `${api}: slow`,
    group,
    share: 1,
    draw: (random) => {
      const ms = between(random, 2, 10);
      const latencyMs = between(random, 0.2, 3);
      return {
        what: `${api}: each answer takes ${seconds(latencyMs)} for ${seconds(ms)}`,
        forMs: ms,
        run: async ({ upstream }, pause) => {
          upstream[api].latencyMs = latencyMs;
          await pause(ms);
          upstream[api].heal();
        },
      };
    },
  };
}

/** What any HTTP API may do. */
function troublesOf(api: ApiName): FaultKind[] {
  return [
    forSome(api, '429', [1, 6], (random) => ({
      kind: 'status',
      status: 429,
      ...(random.chance(0.5) ? { retryAfter: 1 + random.below(4) } : {}),
    })),
    forSome(api, '5xx', [1, 8], (random) => ({
      kind: 'status',
      status: random.pick([500, 502, 503, 504]),
    })),
    forSome(api, 'connections are reset', [0.5, 6], () => ({ kind: 'reset' })),
    forSome(api, 'truncated JSON', [0.5, 5], () => ({ kind: 'truncated' })),
    forSome(api, 'HTML', [0.5, 5], () => ({ kind: 'html' })),
    forFew(api, 'the cursor is ignored', 3, () => ({ kind: 'ignoresCursor' })),
    forFew(api, 'an empty page', 3, () => ({ kind: 'empty' }), 2),
    // The client waits half a minute for it.
    forFew(api, 'no answer', 1, () => ({ kind: 'hang' })),
    slow(api),
  ];
}

export const GOLDSKY: Target = {
  name: 'goldsky',
  everyS: 10,
  kinds: [
    ...troublesOf('goldsky'),
    forSome('goldsky', '200 with errors', [0.5, 6], (random) => ({
      kind: 'graphql',
      message: random.pick(MESSAGES),
    })),
    forSome('goldsky', 'a node that lags', [1, 8], (random) => ({
      kind: 'behind',
      seconds: 2 + random.below(60),
    })),
    forFew('goldsky', 'now and then a node that lags', 3, (random) => ({
      kind: 'behind',
      seconds: 2 + random.below(60),
    })),
  ],
};

export const GAMMA: Target = { name: 'gamma', everyS: 12, kinds: troublesOf('gamma') };
