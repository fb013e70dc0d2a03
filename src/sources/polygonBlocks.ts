import { isRecord } from '../domain/fields.ts';
import { badBody, type Upstream } from './http.ts';
import type { BlockRef } from './polygonTypes.ts';

const QUANTITY = /^0x[0-9a-f]{1,14}$/i;

/** JSON-RPC's hex quantity ("0x1f"), or a plain number; undefined for anything else, and beyond what a number holds exactly. */
export function quantity(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string' || !QUANTITY.test(value)) return undefined;
  const number = Number.parseInt(value, 16);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** As quantity, or a decimal number as text. */
export function anyInteger(value: unknown): number | undefined {
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value);
  return quantity(value);
}

export function toQuantity(number: number): string {
  return `0x${number.toString(16)}`;
}

/** A block's hash in lower case; undefined for what is none. */
export function blockHash(value: unknown): string | undefined {
  return typeof value === 'string' && /^0x[0-9a-f]{64}$/i.test(value) ? value.toLowerCase() : undefined;
}

/**
 * The result of eth_getBlockByNumber; undefined for null: the node has no such block.
 * @throws UpstreamError UPSTREAM_BAD_BODY where it is no block, or another one than `number`
 */
export function readBlock(api: Upstream, result: unknown, number?: number): BlockRef | undefined {
  if (result === null) return undefined;
  if (!isRecord(result)) throw badBody(api, 'answered with something that is no block');
  const read = {
    number: quantity(result['number']),
    hash: blockHash(result['hash']),
    // Not needed for anything but one more check.
    parentHash: blockHash(result['parentHash']) ?? '',
    timestamp: quantity(result['timestamp']),
  };
  if (!isWhole(read)) throw badBody(api, 'answered with a block without number, hash or time');
  if (number !== undefined && read.number !== number) {
    throw badBody(api, `answered with block ${read.number} where block ${number} was asked for`);
  }
  return read;
}

function isWhole(read: { [Key in keyof BlockRef]: BlockRef[Key] | undefined }): read is BlockRef {
  return Object.values(read).every((value) => value !== undefined);
}
