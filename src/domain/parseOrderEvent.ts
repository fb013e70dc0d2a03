import {
  canonicalDecimal,
  fits,
  isAddress,
  isCanonicalUint,
  isHash,
  isRecord,
  isUtf8,
  MAX_UINT256,
  MAX_UINT32,
  MAX_UINT64,
  notText,
} from './fields.ts';
import type { OrderEvent } from './orderEvent.ts';

export type ParsedOrderEvent =
  { readonly ok: true; readonly event: OrderEvent } | { readonly ok: false; readonly reason: string };

const MAX_ID_LENGTH = 200;

const STRING_FIELDS = [
  'id',
  'transactionHash',
  'orderHash',
  'timestamp',
  'maker',
  'taker',
  'makerAssetId',
  'takerAssetId',
  'makerAmountFilled',
  'takerAmountFilled',
  'fee',
] as const;

type SubgraphRecord = Record<(typeof STRING_FIELDS)[number], string>;

/**
 * One `OrderFilledEvent` of the orderbook subgraph as an order event.
 *
 * Malformed (never repaired): a field missing, null or not a string; an address that is not 20 bytes of hex, a hash
 * not 32; an asset id that is not the canonical text of a uint256; an amount or fee beyond UInt64 or a timestamp
 * beyond 32 bits. Zero amounts, unknown tokens, both or neither asset "0" are data. Hex comes out lower-case.
 *
 * @param source the name of the source the record came from, kept in the event
 * @returns the event, or a short stable reason that names the field (`makerAmountFilled: not a decimal integer`)
 */
export function parseSubgraphEvent(record: unknown, source: string): ParsedOrderEvent {
  if (!isRecord(record)) return malformed('record', 'not an object');
  const reason = notText(record, STRING_FIELDS);
  if (reason !== undefined) return { ok: false, reason };
  const r = record as SubgraphRecord;

  if (r.id === '') return malformed('id', 'empty');
  if (r.id.length > MAX_ID_LENGTH) return malformed('id', `longer than ${MAX_ID_LENGTH} characters`);
  if (!isUtf8(r.id)) return malformed('id', 'not UTF-8');
  if (!isHash(r.transactionHash)) return malformed('transactionHash', 'not 32 bytes of hex');
  if (!isHash(r.orderHash)) return malformed('orderHash', 'not 32 bytes of hex');
  if (!isAddress(r.maker)) return malformed('maker', 'not 20 bytes of hex');
  if (!isAddress(r.taker)) return malformed('taker', 'not 20 bytes of hex');
  if (!isCanonicalUint(r.makerAssetId, MAX_UINT256))
    return malformed('makerAssetId', 'not a uint256 in decimal');
  if (!isCanonicalUint(r.takerAssetId, MAX_UINT256))
    return malformed('takerAssetId', 'not a uint256 in decimal');

  const timestamp = canonicalDecimal(r.timestamp);
  if (timestamp === undefined) return malformed('timestamp', 'not a decimal integer');
  if (!fits(timestamp, MAX_UINT32)) return malformed('timestamp', 'larger than 2^32-1');
  const makerAmountFilled = canonicalDecimal(r.makerAmountFilled);
  if (makerAmountFilled === undefined) return malformed('makerAmountFilled', 'not a decimal integer');
  if (!fits(makerAmountFilled, MAX_UINT64)) return malformed('makerAmountFilled', 'larger than 2^64-1');
  const takerAmountFilled = canonicalDecimal(r.takerAmountFilled);
  if (takerAmountFilled === undefined) return malformed('takerAmountFilled', 'not a decimal integer');
  if (!fits(takerAmountFilled, MAX_UINT64)) return malformed('takerAmountFilled', 'larger than 2^64-1');
  const fee = canonicalDecimal(r.fee);
  if (fee === undefined) return malformed('fee', 'not a decimal integer');
  if (!fits(fee, MAX_UINT64)) return malformed('fee', 'larger than 2^64-1');

  return {
    ok: true,
    event: {
      id: r.id.toLowerCase(),
      source,
      exchange: '',
      exchangeVersion: 1,
      blockNumber: 0,
      blockHash: '',
      logIndex: 0,
      timestamp: Number(timestamp),
      transactionHash: r.transactionHash.toLowerCase(),
      orderHash: r.orderHash.toLowerCase(),
      maker: r.maker.toLowerCase(),
      taker: r.taker.toLowerCase(),
      makerAssetId: r.makerAssetId,
      takerAssetId: r.takerAssetId,
      makerAmountFilled,
      takerAmountFilled,
      fee,
      builder: '',
      metadata: '',
    },
  };
}

/** A record that is none, and why: the field and what it is not. */
export function malformed(field: string, what: string): ParsedOrderEvent {
  return { ok: false, reason: `${field}: ${what}` };
}
