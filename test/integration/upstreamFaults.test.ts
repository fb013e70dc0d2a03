import { expect, onTestFinished, test } from 'vitest';
import type { Fault } from '../../src/simulator/control.ts';
import { RecordedExchange } from '../../src/simulator/recorded.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { GammaSource } from '../../src/sources/gamma.ts';
import { GoldskySource } from '../../src/sources/goldsky.ts';
import { UpstreamError, verdictOf } from '../../src/sources/upstreamError.ts';
import { failure } from './sourcesServer.ts';

/** On a busy machine an answer may take its time, but a hang need not be waited for. */
const PATIENT_MS = 20_000;
const HANG_MS = 200;
const NEWEST = { id: '0x0a_0x0a', timestamp: '1000' };
const KNOWN = { id: NEWEST.id, timestamp: 1000 };

/** Both APIs with something to give; each request asks for what comes after the first page. */
async function upstreams() {
  const upstream = new RecordedExchange({
    events: [{ id: '0x01_0x01', timestamp: '500' }, NEWEST],
    markets: Array.from({ length: 150 }, (_, n) => ({ id: String(n + 1), conditionId: '0x1' })),
  });
  const simulator = await startSimulator({ upstream });
  onTestFinished(() => simulator.close());
  const gamma = (timeoutMs: number) => new GammaSource({ url: simulator.gammaUrl, timeoutMs });
  const goldsky = (timeoutMs: number) => new GoldskySource({ url: simulator.goldskyUrl, timeoutMs });
  const { nextCursor = '' } = await gamma(PATIENT_MS).fetchMarkets({ closed: false });
  const ask = {
    gamma: async (timeoutMs: number) =>
      (await gamma(timeoutMs).fetchMarkets({ closed: false, afterCursor: nextCursor })).markets.length,
    goldsky: async (timeoutMs: number) =>
      (await goldsky(timeoutMs).fetchPage({ timestamp: 900, id: '' }, { known: KNOWN })).records.length,
  };
  return { control: simulator.control, ask };
}

/** What a fault has to be taken for: the error's fields, and what it says about the API as a whole. */
type Taken = Partial<UpstreamError> & { readonly verdict?: 'failed' | 'works' };

type PagedApi = 'gamma' | 'goldsky';
const BOTH: readonly PagedApi[] = ['gamma', 'goldsky'];
const RATE_LIMITED = { code: 'UPSTREAM_RATE_LIMITED', retry: 'wait', shrink: false } as const;
const SERVER_ERROR = { code: 'UPSTREAM_SERVER_ERROR', retry: 'wait', shrink: false } as const;
const TIMEOUT = { code: 'UPSTREAM_TIMEOUT', retry: 'wait', shrink: true } as const;
const BAD_BODY = { code: 'UPSTREAM_BAD_BODY', retry: 'wait', shrink: false } as const;
const UNREACHABLE = { code: 'UPSTREAM_UNREACHABLE', retry: 'wait', shrink: false } as const;
const REJECTED = { code: 'UPSTREAM_REJECTED', retry: 'never', shrink: false } as const;

const graphql = (message: string): Fault => ({
  kind: 'graphql',
  message,
  data: { orderFilledEvents: [NEWEST] },
});

const FAULTS: readonly (readonly [what: string, apis: readonly PagedApi[], fault: Fault, taken: Taken])[] = [
  [
    '429 with Retry-After',
    BOTH,
    { kind: 'status', status: 429, retryAfter: 7 },
    { ...RATE_LIMITED, waitMs: 7000 },
  ],
  ['429 without Retry-After', BOTH, { kind: 'status', status: 429 }, { ...RATE_LIMITED, waitMs: undefined }],
  [
    '429 with Retry-After: 0',
    BOTH,
    { kind: 'status', status: 429, retryAfter: 0 },
    { ...RATE_LIMITED, waitMs: undefined },
  ],
  ['500', BOTH, { kind: 'status', status: 500 }, SERVER_ERROR],
  ['502', BOTH, { kind: 'status', status: 502 }, SERVER_ERROR],
  [
    '503 with Retry-After',
    BOTH,
    { kind: 'status', status: 503, retryAfter: 9 },
    { ...SERVER_ERROR, waitMs: 9000 },
  ],
  ['504', BOTH, { kind: 'status', status: 504 }, TIMEOUT],
  ['404', BOTH, { kind: 'status', status: 404 }, REJECTED],
  ['a reset', BOTH, { kind: 'reset' }, UNREACHABLE],
  ['a hang', BOTH, { kind: 'hang' }, TIMEOUT],
  ['truncated JSON', BOTH, { kind: 'truncated' }, BAD_BODY],
  ['HTML with status 200', BOTH, { kind: 'html' }, BAD_BODY],
  [
    'a cursor that does not move',
    ['gamma'],
    { kind: 'ignoresCursor' },
    { code: 'GAMMA_CURSOR_STUCK', retry: 'attempt' },
  ],
  ['a cursor that is not looked at', ['goldsky'], { kind: 'ignoresCursor' }, BAD_BODY],
  [
    '200 with errors beside data',
    ['goldsky'],
    graphql('no class has it'),
    { code: 'UPSTREAM_QUERY_FAILED', retry: 'wait' },
  ],
  ['200 with a query that timed out', ['goldsky'], graphql('Query timed out'), TIMEOUT],
  [
    '200 with a query that is too expensive',
    ['goldsky'],
    graphql('query is too expensive'),
    { code: 'UPSTREAM_TOO_EXPENSIVE', retry: 'attempt', shrink: true, verdict: 'works' },
  ],
  [
    '200 from a node without the block',
    ['goldsky'],
    graphql('subgraph QmX has only indexed up to block number 5'),
    SERVER_ERROR,
  ],
  ['200 with "too many requests"', ['goldsky'], graphql('Too many requests'), RATE_LIMITED],
  ['200 with an indexing error', ['goldsky'], graphql('indexing_error'), REJECTED],
  [
    'an empty page where an event was',
    ['goldsky'],
    { kind: 'empty' },
    { code: 'UPSTREAM_LOST_EVENTS', retry: 'wait', verdict: 'works' },
  ],
  [
    'a page of a node that is behind',
    ['goldsky'],
    { kind: 'behind', seconds: 300 },
    { code: 'UPSTREAM_LAGGING', retry: 'wait', verdict: 'works' },
  ],
];

const CASES = FAULTS.flatMap(([what, apis, fault, taken]) =>
  apis.map((api) => ({ what, api, fault, taken })),
);

test.each(CASES)('$api: $what is no page', async ({ api, fault, taken }) => {
  const { control, ask } = await upstreams();
  control[api].failNext(1, fault);
  const error = await failure(ask[api](fault.kind === 'hang' ? HANG_MS : PATIENT_MS));
  expect(error).toBeInstanceOf(UpstreamError);
  const { verdict = 'failed', ...fields } = taken;
  expect(error).toMatchObject(fields);
  expect(verdictOf(error)).toBe(verdict);
  expect(await ask[api](PATIENT_MS)).toBe(api === 'gamma' ? 50 : 1);
});
