import { readBody, sendJson, serve } from './sourcesServer.ts';

/** A Polygon node as far as its blocks go. */
export interface BlockNode {
  /** The newest block, and its unix second: each block before it is two seconds older. */
  readonly head: number;
  readonly second: number;
  /** Blocks behind the newest one that are final; undefined where the node does not know. */
  readonly finalDepth?: number;
  readonly chainId?: number;
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** Serves it. @returns its URL, and the blocks that were asked for */
export async function serveBlocks(
  node: BlockNode,
): Promise<{ readonly url: string; readonly asked: unknown[] }> {
  const asked: unknown[] = [];
  const answer = ({ id, method, params }: Call) => {
    if (method === 'eth_chainId') return { id, result: hex(node.chainId ?? 137) };
    asked.push(params[0]);
    const number = numberOf(node, params[0]);
    if (number === undefined) return { id, error: { code: -32602, message: 'unknown block tag' } };
    return { id, result: number > node.head ? null : blockOf(node, number) };
  };
  const url = await serve((request, response) => {
    void readBody(request).then((body) => {
      const calls = JSON.parse(body) as Call | Call[];
      sendJson(response, Array.isArray(calls) ? calls.map(answer) : answer(calls));
    });
  });
  return { url, asked };
}

function numberOf({ head, finalDepth }: BlockNode, tag: unknown): number | undefined {
  if (tag === 'latest') return head;
  if (tag === 'finalized') return finalDepth === undefined ? undefined : head - finalDepth;
  return Number(tag);
}

function blockOf({ head, second }: BlockNode, number: number) {
  const hash = (of: number) => `0x${of.toString(16).padStart(64, '0')}`;
  return {
    number: hex(number),
    hash: hash(number),
    parentHash: hash(number - 1),
    timestamp: hex(second - (head - number) * 2),
  };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
