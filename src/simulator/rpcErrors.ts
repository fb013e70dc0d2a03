import { hex } from './logs.ts';
import type { NodeSettings } from './rpcNode.ts';

/** A JSON-RPC error as a node answers it. */
export class RpcError extends Error {
  readonly code: number;
  /** HTTP status with it when it is not in a batch. */
  readonly status: number;

  constructor(code: number, message: string, status = 200) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export const invalidParams = (message: string): RpcError => new RpcError(-32602, message);

type Style = NodeSettings['style'];
/** First and last block of a range that would be answered. */
type Range = readonly [from: number, to: number];

const inHex = ([from, to]: Range): string => `[${hex(from)}, ${hex(to)}]`;

/** More blocks than allowed, in the provider's words. */
export function tooManyBlocks(style: Style, asked: Range, maxBlocks: number): RpcError {
  const works: Range = [asked[0], asked[0] + maxBlocks - 1];
  switch (style) {
    case 'infura':
      return invalidParams(`range ${asked[1] - asked[0] + 1} exceeds limit of ${maxBlocks}`);
    case 'alchemy':
      return new RpcError(
        -32600,
        `Under the Free tier plan, you can make eth_getLogs requests with up to a ${maxBlocks} block range. Based on your parameters, this block range should work: ${inHex(works)}. Upgrade to PAYG for expanded block range.`,
      );
    case 'quicknode':
      return new RpcError(-32614, `eth_getLogs is limited to a ${grouped(maxBlocks)} range`, 413);
    case 'drpc':
      return new RpcError(35, `ranges over ${maxBlocks} blocks are not supported on freetier`);
    case 'range':
      return new RpcError(-32000, `query exceeds max block range ${maxBlocks}`);
  }
}

/** More logs than allowed, in the provider's words; most suggest a range. */
export function tooManyLogs(style: Style, maxLogs: number, works: Range): RpcError {
  switch (style) {
    case 'infura':
      return new RpcError(
        -32005,
        `query returned more than ${maxLogs} results. Try with this block range ${inHex(works)}.`,
      );
    case 'alchemy':
      return invalidParams(
        `Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: ${inHex(works)}`,
      );
    case 'quicknode':
      return new RpcError(-32005, `query returned more than ${maxLogs} results`);
    case 'drpc':
    case 'range':
      return invalidParams(
        `query exceeds max results ${maxLogs}, retry with the range ${works[0]}-${works[1]}`,
      );
  }
}

/** A batch of more requests than allowed. */
export function tooLongBatch(maxBatch: number): RpcError {
  return new RpcError(
    31,
    `Batch of more than ${maxBatch} requests are not allowed on free tier, to use this feature register paid account at drpc.org`,
    500,
  );
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
