import { z } from 'zod';
import { jsonOf, type Api, type ApiRequest, type ApiResponse } from './http.ts';
import { anyOf, logTest, type LogTest } from './logFilter.ts';
import { hex } from './logs.ts';
import type { RpcLog, Upstream } from './upstream.ts';

export interface HyperSyncSettings {
  /** Blocks an answer goes through at most, then it says where to go on; the same for logs, full blocks only. */
  readonly maxBlocks: number;
  readonly maxLogs: number;
}

export const HYPERSYNC_DEFAULTS: HyperSyncSettings = { maxBlocks: 500, maxLogs: 10_000 };
/** Logs in each entry of `data`. */
const ENTRY_LOGS = 1_000;

const QUERY = z.object({
  from_block: z.number().int().min(0),
  to_block: z.number().int().min(0).nullish(),
  logs: z
    .array(
      z.object({
        address: z.array(z.string()).nullish(),
        topics: z.array(z.array(z.string())).max(4).nullish(),
      }),
    )
    .default([]),
  max_num_logs: z.number().int().positive().nullish(),
  field_selection: z
    .object({ block: z.array(z.string()).optional(), log: z.array(z.string()).optional() })
    .optional(),
});
type Query = z.output<typeof QUERY>;

type Row = Readonly<Record<string, unknown>>;

/** HyperSync's JSON API: `POST /query` and `GET /height`, with any Bearer token. */
export function hypersyncApi(settings: HyperSyncSettings): Api {
  const answer = (request: ApiRequest, upstream: Upstream): ApiResponse => {
    if (!/^Bearer \S+$/.test(request.authorization ?? ''))
      return { status: 401, body: { error: 'Unauthorized: an API token is required' } };
    if (request.path === '/height' && request.method === 'GET')
      return { status: 200, body: { height: upstream.chainHead().number } };
    if (request.path !== '/query' || request.method !== 'POST')
      return { status: 404, body: { error: 'not found' } };
    const query = QUERY.safeParse(jsonOf(request.body));
    if (!query.success) return { status: 400, body: { error: query.error.message } };
    return { status: 200, body: run(query.data, upstream, settings) };
  };
  return { answer };
}

function run(query: Query, upstream: Upstream, settings: HyperSyncSettings): object {
  const started = performance.now();
  const height = upstream.chainHead().number;
  const maxLogs = Math.min(query.max_num_logs ?? Infinity, settings.maxLogs);
  const end = Math.min(query.to_block ?? Infinity, height + 1, query.from_block + settings.maxBlocks);
  const matches = testOf(query);
  const found: RpcLog[] = [];
  let next = query.from_block;
  while (next < end && found.length < maxLogs) {
    for (const { log } of upstream.logs(next)) if (matches(log)) found.push(log);
    next++;
  }
  const data = [];
  for (let i = 0; i < found.length; i += ENTRY_LOGS)
    data.push(entryOf(found.slice(i, i + ENTRY_LOGS), upstream, query));
  return {
    data,
    archive_height: height,
    next_block: next,
    total_execution_time: Math.round(performance.now() - started),
    rollback_guard: null,
  };
}

/** A log is asked for by any of the selections. */
function testOf({ logs }: Query): LogTest {
  const tests = logs.map(({ address, topics }) => logTest(anyOf(address), (topics ?? []).map(anyOf)));
  return (log) => tests.some((test) => test(log));
}

function entryOf(logs: readonly RpcLog[], upstream: Upstream, { field_selection: fields }: Query): object {
  const numbers = new Set(logs.map(({ blockNumber }) => Number(blockNumber)));
  return {
    blocks: Array.from(numbers, (number) => selected(blockRow(number, upstream), fields?.block)),
    logs: logs.map((log) => selected(logRow(log), fields?.log)),
  };
}

function blockRow(number: number, upstream: Upstream): Row {
  const { hash, parentHash, timestamp } = upstream.block(number);
  return { number, hash, parent_hash: parentHash, timestamp: hex(timestamp) };
}

function logRow(log: RpcLog): Row {
  const { topics } = log;
  return {
    removed: false,
    log_index: Number(log.logIndex),
    transaction_index: Number(log['transactionIndex']),
    transaction_hash: log['transactionHash'],
    block_hash: log['blockHash'],
    block_number: Number(log.blockNumber),
    address: log.address,
    data: log['data'],
    topic0: topics[0] ?? null,
    topic1: topics[1] ?? null,
    topic2: topics[2] ?? null,
    topic3: topics[3] ?? null,
  };
}

function selected(row: Row, fields: readonly string[] | undefined): Row {
  return fields === undefined ? row : Object.fromEntries(fields.map((field) => [field, row[field]]));
}
