import { z } from 'zod';
import type { Api, ApiRequest, ApiResponse } from './http.ts';
import { hex } from './logs.ts';
import { blockNumberOf, headerOf, numberOfHash } from './rpcBlocks.ts';
import { invalidParams, RpcError, tooLongBatch } from './rpcErrors.ts';
import { logsOf } from './rpcLogs.ts';
import type { NodeSettings } from './rpcNode.ts';
import type { Upstream } from './upstream.ts';
import { lagging } from './views.ts';

const CHAIN_ID = 137;

const REQUEST = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.number(), z.string()]),
  method: z.string(),
  params: z.array(z.unknown()).default([]),
});

/** The answer to one element of a batch, or to a single request. */
type Respond = (request: z.output<typeof REQUEST>) => unknown;

/**
 * JSON-RPC of a node of the chain: POST one request or a batch to any path. Errors of a request come with HTTP 200, but
 * for what a provider is known to send with another status.
 * @param node read anew with each request: settings may change while it runs
 */
export function rpcApi(node: () => NodeSettings): Api {
  const answer = (request: ApiRequest, upstream: Upstream): ApiResponse => {
    const settings = node();
    const seen = settings.behindBlocks > 0 ? lagging(upstream, settings.behindBlocks) : upstream;
    return respondAll(request, settings, ({ method, params }) => call(method, params, seen, settings));
  };
  const refuse = (request: ApiRequest, code: number, message: string): ApiResponse =>
    respondAll(request, node(), () => {
      throw new RpcError(code, message);
    });
  return { answer, refuse };
}

function respondAll({ method, body }: ApiRequest, { maxBatch }: NodeSettings, respond: Respond): ApiResponse {
  if (method !== 'POST') return { status: 405, body: { error: 'Use POST with a JSON-RPC request' } };
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    return failed(null, new RpcError(-32700, 'parse error'));
  }
  if (!Array.isArray(given)) return respondTo(given, respond);
  if (given.length === 0) return failed(null, new RpcError(-32600, 'empty batch'));
  if (given.length > maxBatch) return failed(null, tooLongBatch(maxBatch));
  return { status: 200, body: given.map((one) => respondTo(one, respond).body) };
}

function respondTo(given: unknown, respond: Respond): ApiResponse {
  const request = REQUEST.safeParse(given);
  if (!request.success) return failed(null, new RpcError(-32600, 'invalid request'));
  const { id } = request.data;
  try {
    return { status: 200, body: { jsonrpc: '2.0', id, result: respond(request.data) } };
  } catch (error) {
    if (error instanceof RpcError) return failed(id, error);
    throw error;
  }
}

function failed(id: number | string | null, { code, message, status }: RpcError): ApiResponse {
  return { status, body: { jsonrpc: '2.0', id, error: { code, message } } };
}

function call(method: string, params: readonly unknown[], upstream: Upstream, node: NodeSettings): unknown {
  switch (method) {
    case 'eth_chainId':
      return hex(CHAIN_ID);
    case 'eth_blockNumber':
      return hex(upstream.chainHead().number);
    case 'eth_getBlockByNumber':
      if (params[0] === undefined) throw invalidParams('missing value for required argument 0');
      return headerOf(blockNumberOf(params[0], upstream, node), upstream, node);
    case 'eth_getBlockByHash': {
      const number = numberOfHash(String(params[0]).toLowerCase(), upstream, node);
      return number === undefined ? null : headerOf(number, upstream, node);
    }
    case 'eth_getLogs':
      return logsOf(params[0], upstream, node);
    default:
      throw new RpcError(-32601, `the method ${method} does not exist/is not available`);
  }
}
