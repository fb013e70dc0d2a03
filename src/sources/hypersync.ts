import { isRecord } from '../domain/fields.ts';
import { hypersyncBlock, hypersyncLog } from './hypersyncRecords.ts';
import { badBody, fetchBody, parseJsonBody, upstream, upstreamError, type Upstream } from './http.ts';
import { reorgUnderWay, tooExpensive } from './polygonPage.ts';
import { hashesOf, ORDER_FILLED_TOPICS, placeLogs } from './polygonLogs.ts';
import type { BlockRef, LogsPage, RequestOptions } from './polygonTypes.ts';
import { UpstreamError } from './upstreamError.ts';

export interface HyperSyncOptions {
  readonly url: string;
  readonly token: string;
  /** Addresses of the exchange contracts. */
  readonly exchanges: readonly string[];
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
}

/** About 4 MB of logs: the server may go somewhat beyond. */
const MAX_LOGS = 4000;
const LOG_FIELDS = [
  'address',
  'block_hash',
  'block_number',
  'data',
  'log_index',
  'removed',
  'topic0',
  'topic1',
  'topic2',
  'topic3',
  'transaction_hash',
  'transaction_index',
];
const BLOCK_FIELDS = ['number', 'hash', 'parent_hash', 'timestamp'];

interface Answer {
  readonly blocks: readonly BlockRef[];
  /** In the form of eth_getLogs. */
  readonly logs: readonly Record<string, unknown>[];
  readonly nextBlock: number;
}

/** Bulk history of Polygon's logs. Each answer goes as far as the server got in its time. */
export class HyperSyncSource {
  readonly #api: Upstream;
  readonly #queryUrl: string;
  readonly #token: string;
  readonly #exchanges: ReadonlySet<string>;

  constructor({ token, exchanges, ...api }: HyperSyncOptions) {
    this.#api = upstream({ name: 'HyperSync', secrets: [token], ...api });
    this.#queryUrl = `${api.url.replace(/\/+$/, '')}/query`;
    this.#token = token;
    this.#exchanges = new Set(exchanges.map((address) => address.toLowerCase()));
  }

  /**
   * The logs of the blocks from `from` on, in the form of eth_getLogs; `to` of the page says how far it goes, `blocks` are those that
   * have logs. One request, more where an answer is too large.
   *
   * @throws UpstreamError, UPSTREAM_LAGGING where the server does not have block `from` yet
   */
  async fetchLogs(options: RequestOptions & { from: number; to: number }): Promise<LogsPage> {
    const { from } = options;
    for (let asked = options.to; ;) {
      try {
        return await this.#page({ ...options, to: asked });
      } catch (error) {
        if (!(error instanceof UpstreamError) || !error.shrink || error.code === 'UPSTREAM_TIMEOUT')
          throw error;
        if (asked - from <= 1) throw tooExpensive(this.#api, error, from);
        asked = from + Math.floor((asked - from) / 2);
      }
    }
  }

  async #page(options: RequestOptions & { from: number; to: number }): Promise<LogsPage> {
    const { from } = options;
    const selection = { logs: [{ address: [...this.#exchanges], topics: [ORDER_FILLED_TOPICS] }] };
    const fields = { log: LOG_FIELDS, block: BLOCK_FIELDS };
    const answer = await this.#query(
      { ...selection, max_num_logs: MAX_LOGS, field_selection: fields },
      options,
    );
    const to = Math.min(answer.nextBlock, options.to);
    const placed = placeLogs(this.#api, answer.logs, { exchanges: this.#exchanges, from, to });
    const hashes = hashesOf(this.#api, placed);
    const blocks = new Map<number, BlockRef>();
    for (const block of answer.blocks) if (block.number < to) blocks.set(block.number, block);
    for (const [number, hash] of hashes) {
      if ((blocks.get(number)?.hash ?? hash) !== hash) throw reorgUnderWay(this.#api, number);
    }
    const inOrder = [...blocks.values()].sort((a, b) => a.number - b.number);
    return { from, to, logs: placed.map(({ log }) => log), blocks: inOrder, witnesses: 1 };
  }

  async #query(
    query: object,
    { from, to, signal, turn }: RequestOptions & { from: number; to: number },
  ): Promise<Answer> {
    await turn?.();
    const body = await this.#post({ from_block: from, to_block: to, ...query }, signal);
    const parsed = parseJsonBody(this.#api, body);
    if (!isRecord(parsed)) throw badBody(this.#api, 'answered with something that is no answer to a query');
    const { next_block: nextBlock, archive_height: height } = parsed;
    if (typeof height === 'number' && height < from) {
      const what = `has only got as far as block ${height}, and was asked for block ${from}`;
      throw upstreamError(this.#api, 'UPSTREAM_LAGGING', what, { retry: 'wait' });
    }
    if (typeof nextBlock !== 'number' || !Number.isSafeInteger(nextBlock) || nextBlock <= from) {
      throw badBody(this.#api, `answered without a way to go on from block ${from}`);
    }
    return { ...this.#records(parsed['data'], from, to), nextBlock };
  }

  async #post(query: object, signal: AbortSignal | undefined): Promise<string> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` };
    const init = { method: 'POST', headers, body: JSON.stringify(query), signal: signal ?? null };
    try {
      return await fetchBody(this.#api, this.#queryUrl, init);
    } catch (error) {
      const status = error instanceof UpstreamError ? error.context['status'] : undefined;
      if (status !== 401 && status !== 403) throw error;
      const what = `does not accept the token (status ${status}): check HYPERSYNC_TOKEN`;
      throw upstreamError(this.#api, 'UPSTREAM_REJECTED', what, { retry: 'never', cause: error });
    }
  }

  /** The server answers in batches, each with its own blocks and logs. */
  #records(data: unknown, from: number, to: number): Omit<Answer, 'nextBlock'> {
    const batches = Array.isArray(data) ? (data as unknown[]) : [data];
    const blocks = new Map<number, BlockRef>();
    const raw: Record<string, unknown>[] = [];
    for (const batch of batches) {
      if (!isRecord(batch))
        throw badBody(this.#api, 'answered with something that is no list of blocks and logs');
      for (const record of listOf(this.#api, batch['blocks'])) {
        const block = hypersyncBlock(this.#api, record);
        if (block.number >= from && block.number < to) blocks.set(block.number, block);
      }
      for (const record of listOf(this.#api, batch['logs'])) {
        if (!isRecord(record)) throw badBody(this.#api, 'answered with a log that is none');
        raw.push(record);
      }
    }
    return { blocks: [...blocks.values()], logs: raw.map((log) => hypersyncLog(this.#api, log, blocks)) };
  }
}

function listOf(api: Upstream, list: unknown): unknown[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw badBody(api, 'answered with something that is no list of blocks and logs');
  return list as unknown[];
}
