import type { Random } from '../../../src/simulator/random.ts';
import type { ApiName, Control, Fault as ApiFault } from '../../../src/simulator/control.ts';
import { between, seconds, type FaultKind } from '../fault.ts';

const group = 'upstream';

/** What a fault befalls: one API, or several at once. */
export interface Api {
  readonly names: readonly ApiName[];
  /** In the report. */
  readonly kind: string;
  /** As the fault happens. */
  readonly what: string;
}

export function only(name: ApiName, kind: string = name): Api {
  return { names: [name], kind, what: name };
}

export function heal(upstream: Control, { names }: Api): void {
  for (const name of names) upstream[name].heal();
}

/** Every request meets it for a time. */
export function forSome(
  api: Api,
  name: string,
  [fromS, toS]: readonly [number, number],
  draw: (random: Random) => ApiFault,
): FaultKind {
  return {
    name: `${api.kind}: ${name}`,
    group,
    share: 1,
    draw: (random) => {
      const ms = between(random, fromS, toS);
      const fault = draw(random);
      return {
        what: `${api.what}: ${name} for ${seconds(ms)} ${detail(fault)}`.trimEnd(),
        forMs: ms,
        run: async ({ upstream }, pause) => {
          for (const one of api.names) upstream[one].failNext(Infinity, fault);
          await pause(ms);
          heal(upstream, api);
        },
      };
    },
  };
}

/** The next few requests meet it. */
export function forFew(
  api: Api,
  name: string,
  most: number,
  draw: (random: Random) => ApiFault,
  share = 1,
): FaultKind {
  return {
    name: `${api.kind}: ${name}`,
    group,
    share,
    draw: (random) => {
      const times = 1 + random.below(most);
      const fault = draw(random);
      return {
        what: `${api.what}: ${name}, ${times} x ${detail(fault)}`.trimEnd(),
        run: ({ upstream }) => {
          for (const one of api.names) upstream[one].failNext(times, fault);
        },
      };
    },
  };
}

function detail(fault: ApiFault): string {
  const rest = Object.entries(fault).filter(([name]) => name !== 'kind');
  return rest.length > 0 ? JSON.stringify(Object.fromEntries(rest)) : '';
}

function slow(api: Api): FaultKind {
  return {
    name: `${api.kind}: slow`,
    group,
    share: 1,
    draw: (random) => {
      const ms = between(random, 2, 10);
      const latencyMs = between(random, 0.2, 3);
      return {
        what: `${api.what}: each answer takes ${seconds(latencyMs)} for ${seconds(ms)}`,
        forMs: ms,
        run: async ({ upstream }, pause) => {
          for (const name of api.names) upstream[name].latencyMs = latencyMs;
          await pause(ms);
          heal(upstream, api);
        },
      };
    },
  };
}

/** What any HTTP API may do. */
export function troublesOf(api: Api): FaultKind[] {
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
    forFew(api, 'an empty page', 3, () => ({ kind: 'empty' }), 2),
    // The client waits half a minute for it.
    forFew(api, 'no answer', 1, () => ({ kind: 'hang' })),
    slow(api),
  ];
}

/** Of an API with cursors. */
export function ignoresCursor(api: Api): FaultKind {
  return forFew(api, 'the cursor is ignored', 3, () => ({ kind: 'ignoresCursor' }));
}
