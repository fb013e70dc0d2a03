import { encode, type ApiRequest, type ApiResponse } from '../../src/simulator/http.ts';
import { gammaApi } from '../../src/simulator/gamma.ts';
import { goldskyApi } from '../../src/simulator/goldsky.ts';
import { RecordedExchange } from '../../src/simulator/recorded.ts';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import type { Upstream } from '../../src/simulator/upstream.ts';
import { makeRecording } from '../support/recording.ts';
import type { Answer } from './mutations.ts';

/** One upstream with both of its APIs, and places of its events to ask from. */
export interface HonestUpstream {
  readonly places: readonly { readonly timestamp: number; readonly id: string }[];
  /** Cursors that the market API gave. */
  readonly marketCursors: readonly string[];
  readonly tokens: readonly string[];
  readonly marketIds: readonly string[];
  readonly goldsky: (url: string, body: string) => Answer;
  readonly gamma: (url: string) => Answer;
}

/** Answered with the first page, as by a server that ignores cursors. */
export const ODD_CURSOR = 'sent';
const REQUESTED = 20;
const SIMULATED_NOW = 1_760_000_000;

/** A recording with bursts and malformed rows, and a simulated exchange at a time long past. */
export function honestUpstreams(): HonestUpstream[] {
  const recording = makeRecording({ events: 3_000, bursts: 2, burstSize: 300, malformedEvery: 40 });
  const recorded = new RecordedExchange({ events: recording.rows, markets: recording.markets });
  const simulated = new SimulatedExchange({
    start: SIMULATED_NOW - 120,
    now: () => SIMULATED_NOW * 1000,
    malformedShare: 0.02,
    burstProbability: 0.05,
    burstEvents: 200,
  });
  return [recorded, simulated].map(honest);
}

function honest(upstream: Upstream): HonestUpstream {
  const events = [...upstream.events({ from: 0, to: 2 ** 32 })];
  const [goldskyAnswers, gammaAnswers] = [goldskyApi(), gammaApi()];
  const goldsky = asking((request) => goldskyAnswers.answer(request, upstream));
  const gamma = asking((request) => gammaAnswers.answer(request, upstream));
  const askGamma = (url: string) => gamma('GET', url.replace(`&after_cursor=${ODD_CURSOR}`, ''), '');
  const listed = upstream.markets();
  return {
    places: spread(events).map(({ timestamp, id }) => ({ timestamp, id })),
    marketCursors: cursorsOf(askGamma),
    tokens: spread(listed).flatMap(({ tokenIds }) => tokenIds),
    marketIds: spread(listed).map(({ id }) => String(id)),
    goldsky: (url, body) => goldsky('POST', url, body),
    gamma: askGamma,
  };
}

/** Some of them, from the first to the last: few, so that many requests are the same and worked out once. */
function spread<T>(all: readonly T[]): T[] {
  const step = Math.max(1, Math.floor((all.length - 1) / REQUESTED));
  return all.filter((_, index) => index % step === 0 || index === all.length - 1);
}

/** Cursors of a walk over the markets, as the sweeps ask for them. */
function cursorsOf(ask: (url: string) => Answer): string[] {
  const cursors: string[] = [];
  for (const closed of [true, false]) {
    let after = '';
    for (let pages = 0; pages < 5; pages++) {
      const answer = ask(`http://gamma.example/markets/keyset?closed=${closed}&limit=5${after}`);
      const { next_cursor: next } = JSON.parse(answer.body.toString()) as { next_cursor?: string };
      if (next === undefined) break;
      cursors.push(next);
      after = `&after_cursor=${next}`;
    }
  }
  return cursors;
}

type ApiHandler = (request: ApiRequest) => ApiResponse;

/** The answers of a handler; the same request is worked out once. */
function asking(handler: ApiHandler): (method: string, url: string, body: string) => Answer {
  const known = new Map<string, Answer>();
  return (method, url, body) => {
    const key = url + body;
    const answer = known.get(key) ?? answerOf(handler, method, new URL(url), body);
    known.set(key, answer);
    return answer;
  };
}

function answerOf(handler: ApiHandler, method: string, url: URL, body: string): Answer {
  const response = handler({
    method,
    path: url.pathname,
    query: url.searchParams,
    urlLength: url.pathname.length + url.search.length,
    body,
  });
  const { text, headers } = encode(response);
  return { status: response.status, headers, body: Buffer.from(text) };
}
