import type { IncomingMessage, ServerResponse } from 'node:http';
import { ORDER_FILLED_V1, ORDER_FILLED_V2 } from '../../src/domain/parseLog.ts';
import { readBody, sendJson, serve } from './sourcesServer.ts';

export const EXCHANGE = '0xe111180000d2663c0091e4f400237545b87b996b';
export const V1_EXCHANGE = '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e';

export type Log = Record<string, unknown>;
export interface Block {
  number: string;
  hash: string;
  parentHash: string;
  timestamp: string;
}
interface Call {
  id: number;
  method: string;
  params: unknown[];
}
interface Filter {
  address: string[];
  topics: string[][];
  fromBlock: string;
  toBlock: string;
}

const FIRST_SECOND = 1_770_000_000;

export const hex = (number: number) => `0x${number.toString(16)}`;
export const word = (number: number, salt = '') =>
  `0x${salt}${number.toString(16).padStart(64 - salt.length, '0')}`;

export function blockOf(number: number, fork = ''): Block {
  return {
    number: hex(number),
    hash: word(number, fork),
    parentHash: word(Math.max(0, number - 1), fork),
    timestamp: hex(FIRST_SECOND + 2 * number),
  };
}

export function logOf(block: number, index: number, changes: Log = {}): Log {
  const isV1 = index % 2 === 1;
  return {
    address: isV1 ? V1_EXCHANGE : EXCHANGE,
    topics: [isV1 ? ORDER_FILLED_V1 : ORDER_FILLED_V2, word(1), word(2), word(3)],
    data: `0x${'00'.repeat(isV1 ? 160 : 224)}`,
    blockNumber: hex(block),
    blockHash: word(block),
    blockTimestamp: blockOf(block).timestamp,
    transactionHash: word(block * 1000 + index),
    transactionIndex: '0x0',
    logIndex: hex(index),
    removed: false,
    ...changes,
  };
}

export function without(log: Log, field: string): Log {
  return Object.fromEntries(Object.entries(log).filter(([name]) => name !== field));
}

export interface NodeOptions {
  head?: number;
  finalized?: number | null;
  logs?: Log[];
  /** In place of the usual answer to a call: a result or error object, or undefined for the usual one. */
  answer?: (call: Call) => object | undefined;
  /** In place of the usual answer to an HTTP request; true where it did. */
  intercept?: (calls: Call[], response: ServerResponse, request: IncomingMessage) => boolean;
  block?: (number: number) => Block | null;
  path?: string;
}

/** A node with a chain of blocks of 2 s up to `head`, and the requests it got: each a list of methods with what they ask for. */
export async function node(options: NodeOptions = {}) {
  const { head = 1000, logs = [], finalized = head - 5 } = options;
  const requests: string[][] = [];
  const filters: Filter[] = [];
  const blockAt = (number: number) =>
    number > head || number < 0 ? null : (options.block ?? blockOf)(number);
  const resultOf = ({ method, params }: Call): unknown => {
    if (method === 'eth_getBlockByNumber') {
      const [tag] = params;
      if (tag === 'latest') return blockAt(head);
      if (tag === 'finalized') return finalized === null ? null : blockAt(finalized);
      return blockAt(Number(tag));
    }
    const [{ fromBlock, toBlock, address }] = params as [Filter];
    filters.push((params as [Filter])[0]);
    return logs.filter((log) => {
      const number = Number(log['blockNumber']);
      return (
        number >= Number(fromBlock) && number <= Number(toBlock) && address.includes(String(log['address']))
      );
    });
  };
  const url = await serve((request, response) => {
    void readBody(request).then((body) => {
      const parsed = JSON.parse(body) as Call | Call[];
      const calls = Array.isArray(parsed) ? parsed : [parsed];
      requests.push(calls.map(describeCall));
      if (options.intercept?.(calls, response, request) === true) return;
      const answers = calls.map((call) => ({
        jsonrpc: '2.0',
        id: call.id,
        ...(options.answer?.(call) ?? { result: resultOf(call) }),
      }));
      // The order of a batch's answers is not that of its calls.
      sendJson(response, Array.isArray(parsed) ? answers.reverse() : answers[0]);
    });
  });
  return { url: `${url}${options.path ?? ''}`, requests, filters };
}

function describeCall({ method, params }: Call): string {
  const [first] = params as [string | Filter];
  if (typeof first === 'string') return first.startsWith('0x') ? String(Number(first)) : first;
  return method === 'eth_getLogs' ? `${Number(first.fromBlock)}-${Number(first.toBlock)}` : method;
}

export const rpcError = (message: string, code = -32000, data?: unknown) => ({
  error: { code, message, data },
});

/** How many blocks a call for logs asks for; 0 for other calls. */
export function blocksOf({ method, params }: { method: string; params: unknown[] }): number {
  if (method !== 'eth_getLogs') return 0;
  const [{ fromBlock, toBlock }] = params as [Filter];
  return Number(toBlock) - Number(fromBlock) + 1;
}
