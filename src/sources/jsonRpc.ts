import { isRecord } from '../domain/fields.ts';
import { badBody, fetchBody, parseAnyJson, type Upstream } from './http.ts';
import { rpcErrorKind, rpcErrorOf, rpcFailure, type RpcError } from './jsonRpcErrors.ts';
import type { RequestOptions } from './polygonTypes.ts';
import { UpstreamError } from './upstreamError.ts';

export interface RpcCall {
  readonly method: string;
  readonly params: readonly unknown[];
}

export type RpcOutcome = { readonly result: unknown } | { readonly error: RpcError };

/** Most providers take this many calls in one request; the size of the answer is bounded, too. */
const LARGEST_BATCH = 50;

/** What the whole of a batch was answered with: outcomes in order, or the refusal of a batch of this size. */
type BatchAnswer = { outcomes: RpcOutcome[] } | { refusal: string };

/** One JSON-RPC endpoint over HTTP. Learns how many calls it takes in one request. */
export class JsonRpcEndpoint {
  readonly api: Upstream;
  #largest = LARGEST_BATCH;

  constructor(api: Upstream) {
    this.api = api;
  }

  /**
   * Makes the calls, in one request where the endpoint allows it. An outcome may be an error of its own.
   * @throws UpstreamError where the request as a whole failed
   */
  async call(calls: readonly RpcCall[], options: RequestOptions): Promise<RpcOutcome[]> {
    const outcomes: RpcOutcome[] = [];
    let size = this.#largest;
    while (outcomes.length < calls.length) {
      const part = calls.slice(outcomes.length, outcomes.length + size);
      const answer = await this.#request(part, options);
      if ('refusal' in answer) {
        size = smallerBatch(answer.refusal, part.length);
        continue;
      }
      // Only now it is sure that it was the size: an endpoint in trouble refuses everything.
      this.#largest = Math.min(this.#largest, size);
      outcomes.push(...answer.outcomes);
    }
    return outcomes;
  }

  /** The one call's result. @throws UpstreamError for its error, too */
  async result(call: RpcCall, options: RequestOptions): Promise<unknown> {
    const [outcome] = await this.call([call], options);
    return this.resultOf(outcome);
  }

  /** @throws UpstreamError for an outcome that is an error */
  resultOf(outcome: RpcOutcome | undefined): unknown {
    if (outcome === undefined) throw badBody(this.api, 'answered with fewer answers than it was asked for');
    if ('error' in outcome) throw rpcFailure(this.api, outcome.error);
    return outcome.result;
  }

  async #request(calls: readonly RpcCall[], options: RequestOptions): Promise<BatchAnswer> {
    const bodies = calls.map((call, at) => ({ jsonrpc: '2.0', id: at + 1, ...call }));
    const answer = await this.#post(bodies.length === 1 ? bodies[0] : bodies, options);
    if (calls.length === 1) {
      return { outcomes: [this.#outcome(Array.isArray(answer) ? (answer[0] as unknown) : answer)] };
    }
    if (!Array.isArray(answer)) return this.#wholeRefused(rpcErrorOf(answer), calls.length);
    const answers = answer as unknown[];
    // An error without id belongs to the whole request.
    const whole = answers.map((one) =>
      isRecord(one) && (one['id'] ?? null) === null ? rpcErrorOf(one) : undefined,
    );
    const refused = whole.find((error) => error !== undefined);
    if (refused !== undefined) return this.#wholeRefused(refused, calls.length);
    const byId = new Map(answers.filter(isRecord).map((one) => [Number(one['id']), one]));
    const outcomes = calls.map((_call, at) => this.#outcome(byId.get(at + 1)));
    for (const outcome of outcomes) {
      if ('error' in outcome && rpcErrorKind(outcome.error) === 'batch')
        return { refusal: outcome.error.message };
    }
    return { outcomes };
  }

  #wholeRefused(error: RpcError | undefined, calls: number): BatchAnswer {
    if (error === undefined) return { refusal: '' };
    const kind = rpcErrorKind(error);
    if (kind === 'rate') throw rpcFailure(this.api, error);
    if (kind === 'range' || kind === 'timeout' || kind === 'lagging') {
      return { outcomes: Array.from({ length: calls }, () => ({ error })) };
    }
    // Some say nothing of batches, and only refuse them.
    return { refusal: error.message };
  }

  #outcome(answer: unknown): RpcOutcome {
    if (!isRecord(answer)) throw badBody(this.api, 'answered with fewer answers than it was asked for');
    const error = (answer['error'] ?? null) === null && 'result' in answer ? undefined : rpcErrorOf(answer);
    if (error !== undefined) return { error };
    if (!('result' in answer)) throw badBody(this.api, 'answered with something that is no JSON-RPC answer');
    return { result: answer['result'] };
  }

  async #post(body: unknown, { signal, turn }: RequestOptions): Promise<unknown> {
    await turn?.();
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body), signal: signal ?? null };
    try {
      return parseAnyJson(this.api, await fetchBody(this.api, this.api.url, init));
    } catch (error) {
      const said = error instanceof UpstreamError ? tellingAnswer(error.answerBody()) : undefined;
      if (said === undefined) throw error;
      return said;
    }
  }
}

/** Some send their JSON-RPC errors with a status of 4xx or 5xx; undefined where the status says as much as the body. */
function tellingAnswer(body: string | undefined): unknown {
  if (body === undefined) return undefined;
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return undefined;
  }
  const first = Array.isArray(answer) ? (answer[0] as unknown) : answer;
  const error = rpcErrorOf(first);
  if (error === undefined) return undefined;
  const kind = rpcErrorKind(error);
  return kind === 'server' || kind === 'rejected' ? undefined : answer;
}

/** The size named in the refusal where there is one, else half. */
function smallerBatch(refusal: string, refused: number): number {
  const named = [...refusal.matchAll(/\b\d+\b/g)].map(([digits]) => Number(digits));
  const fitting = named.filter((size) => size >= 1 && size < refused);
  return fitting.length > 0 ? Math.max(...fitting) : Math.max(1, Math.floor(refused / 2));
}
