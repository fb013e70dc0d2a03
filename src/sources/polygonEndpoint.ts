import type { LRUCache } from 'lru-cache';
import { badBody, upstreamError, type Upstream } from './http.ts';
import { JsonRpcEndpoint, type RpcCall, type RpcOutcome } from './jsonRpc.ts';
import { rpcErrorKind, rpcFailure, type RpcError } from './jsonRpcErrors.ts';
import { readBlock, toQuantity } from './polygonBlocks.ts';
import { ORDER_FILLED_TOPICS, placeLogs } from './polygonLogs.ts';
import { completePage, tooExpensive } from './polygonPage.ts';
import { rangeHint, RangeSize, type RangeHint } from './polygonRange.ts';
import {
  MOST_CANONICAL_BLOCKS,
  type BlockRef,
  type Heads,
  type LogsPage,
  type RequestOptions,
} from './polygonTypes.ts';
import { UpstreamError } from './upstreamError.ts';

export interface EndpointOptions {
  readonly api: Upstream;
  /** Lower-case. */
  readonly exchanges: ReadonlySet<string>;
  readonly finalityBlocks: number;
  /** Unix seconds by block hash, shared by the endpoints. */
  readonly times: LRUCache<string, number>;
}

export interface PageOptions extends RequestOptions {
  readonly from: number;
  readonly to: number;
  readonly canonical?: boolean;
}

/** A final block that lies a day back is no news: such a node counts finality in some way of its own. */
const ABSURDLY_OLD_BLOCKS = 43_200;
/** A node that knows no finalized block is asked for it again after this. */
const UNKNOWN_TAG_MS = 10 * 60_000;
/** Each may take the whole time limit of a request. */
const TIMEOUTS_A_PAGE = 2;

/** One node of Polygon: what it says is taken together, and never mixed with another node's. */
export class PolygonEndpoint {
  readonly #rpc: JsonRpcEndpoint;
  readonly #options: EndpointOptions;
  readonly #size = new RangeSize();
  #finalizedUnknownUntil = 0;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#rpc = new JsonRpcEndpoint(options.api);
  }

  get api(): Upstream {
    return this.#rpc.api;
  }

  /** One request. Where the node does not know what is final, it is a distance from its head. */
  async heads({ also, ...options }: RequestOptions & { also?: number }): Promise<Heads> {
    const api = this.#rpc.api;
    const askFinalized = this.#finalizedUnknownUntil <= Date.now();
    const calls = [
      blockCall('latest'),
      ...(also === undefined ? [] : [blockCall(also)]),
      ...(askFinalized ? [blockCall('finalized')] : []),
    ];
    const outcomes = await this.#rpc.call(calls, options);
    const latest = readBlock(api, this.#rpc.resultOf(outcomes[0]));
    if (latest === undefined) throw badBody(api, 'answered without a newest block');
    const wanted = also === undefined ? undefined : this.#maybeBlock(outcomes[1], also);
    const tagged = askFinalized ? this.#finalized(outcomes.at(-1), latest) : undefined;
    const deep = { number: Math.max(0, latest.number - this.#options.finalityBlocks) };
    return { latest, finalized: tagged ?? deep, also: wanted };
  }

  /** As many of the blocks from `from` on as the node gives at once. */
  async page(options: PageOptions): Promise<LogsPage> {
    const { from } = options;
    const most = options.canonical === true ? MOST_CANONICAL_BLOCKS : Infinity;
    for (let timeouts = 0; ;) {
      const to = Math.min(options.to, from + most, from + this.#size.blocks);
      const answer = await this.#attempt({ ...options, to });
      if ('page' in answer) {
        this.#size.answered(to - from, answer.page.logs.length);
        return answer.page;
      }
      const { refused, hint } = answer;
      const isTimeout = refused.code === 'UPSTREAM_TIMEOUT';
      if (to - from === 1) throw isTimeout ? refused : tooExpensive(this.#rpc.api, refused, from);
      this.#size.refused(to - from, hint);
      if (isTimeout && ++timeouts === TIMEOUTS_A_PAGE) throw refused;
    }
  }

  /** @throws UpstreamError UPSTREAM_LAGGING where the node has no such block */
  async block(number: number | 'latest', options: RequestOptions): Promise<BlockRef> {
    const result = await this.#rpc.result(blockCall(number), options);
    const block = readBlock(this.#rpc.api, result, number === 'latest' ? undefined : number);
    if (block === undefined) throw this.#lacks(number);
    return block;
  }

  /** The blocks [from, to) in one request, or its refusal for being too much. */
  async #attempt(options: PageOptions): Promise<Attempt> {
    const { from, to, canonical = false } = options;
    const { api } = this.#rpc;
    const { exchanges, times } = this.#options;
    try {
      const calls = [logsCall(exchanges, from, to), blockCall(to - 1)];
      const [logs, block] = await this.#rpc.call(calls, options);
      const refusal = logs === undefined ? undefined : refusalOf(logs);
      if (refusal !== undefined) {
        const hint = rangeHint(refusal.message, refusal.data, from, to);
        return { refused: rpcFailure(api, refusal), hint };
      }
      const placed = placeLogs(api, this.#rpc.resultOf(logs), { exchanges, from, to });
      const last = readBlock(api, this.#rpc.resultOf(block), to - 1);
      if (last === undefined) throw this.#lacks(to - 1);
      const headers = (numbers: readonly number[]) => this.#blocks(numbers, options);
      return { page: await completePage({ api, from, to, logs: placed, last, canonical, times, headers }) };
    } catch (error) {
      // No answer in time, or one too large to be read.
      if (error instanceof UpstreamError && error.shrink) return { refused: error, hint: {} };
      throw error;
    }
  }

  async #blocks(numbers: readonly number[], options: RequestOptions): Promise<BlockRef[]> {
    const outcomes = await this.#rpc.call(numbers.map(blockCall), options);
    return numbers.map((number, at) => {
      const block = readBlock(this.#rpc.api, this.#rpc.resultOf(outcomes[at]), number);
      if (block === undefined) throw this.#lacks(number);
      return block;
    });
  }

  #maybeBlock(outcome: RpcOutcome | undefined, number: number): BlockRef | undefined {
    if (outcome !== undefined && 'error' in outcome && rpcErrorKind(outcome.error) === 'lagging')
      return undefined;
    return readBlock(this.#rpc.api, this.#rpc.resultOf(outcome), number);
  }

  /** The block the node says is final; undefined where it does not know such blocks. */
  #finalized(outcome: RpcOutcome | undefined, latest: BlockRef): BlockRef | undefined {
    const isError = outcome !== undefined && 'error' in outcome;
    if (isError && rpcErrorKind(outcome.error) === 'rate') throw rpcFailure(this.#rpc.api, outcome.error);
    const block = isError ? undefined : readBlock(this.#rpc.api, this.#rpc.resultOf(outcome));
    if (block !== undefined && block.number > latest.number) return latest;
    if (block !== undefined && block.number > 0 && latest.number - block.number <= ABSURDLY_OLD_BLOCKS)
      return block;
    this.#finalizedUnknownUntil = Date.now() + UNKNOWN_TAG_MS;
    return undefined;
  }

  #lacks(number: number | 'latest'): UpstreamError {
    const what = `answered from a node that lags, or lacks history: it has no block ${number}`;
    return upstreamError(this.#rpc.api, 'UPSTREAM_LAGGING', what, { retry: 'wait' });
  }
}

type Attempt = { readonly page: LogsPage } | { readonly refused: UpstreamError; readonly hint: RangeHint };

function blockCall(block: number | 'latest' | 'finalized'): RpcCall {
  const tag = typeof block === 'number' ? toQuantity(block) : block;
  return { method: 'eth_getBlockByNumber', params: [tag, false] };
}

function logsCall(exchanges: ReadonlySet<string>, from: number, to: number): RpcCall {
  const filter = {
    address: [...exchanges],
    topics: [ORDER_FILLED_TOPICS],
    fromBlock: toQuantity(from),
    toBlock: toQuantity(to - 1),
  };
  return { method: 'eth_getLogs', params: [filter] };
}

function refusalOf(outcome: RpcOutcome): RpcError | undefined {
  if (!('error' in outcome)) return undefined;
  const kind = rpcErrorKind(outcome.error);
  return kind === 'range' || kind === 'timeout' ? outcome.error : undefined;
}
