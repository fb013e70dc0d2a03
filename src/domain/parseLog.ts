import { exchangeVersion } from '../base/exchanges.ts';
import { isAddress, isHash, isRecord, lackOf, notText } from './fields.ts';
import type { OrderEvent } from './orderEvent.ts';
import { malformed, type ParsedOrderEvent } from './parseOrderEvent.ts';
import { COLLATERAL } from './trade.ts';

/**
 * The first topic of V1's form: OrderFilled(bytes32 indexed orderHash, address indexed maker, address indexed taker,
 * uint256 makerAssetId, uint256 takerAssetId, uint256 makerAmountFilled, uint256 takerAmountFilled, uint256 fee).
 */
export const ORDER_FILLED_V1 = '0xd0a08e8c493f9c94f29311604c9de1b4e8c8d4c06bd0c789af57f2d65bfec0f6';

/**
 * The first topic of the form of V2 and ExchangeV3: OrderFilled(bytes32 indexed orderHash, address indexed maker, address
 * indexed taker, uint8 side, uint256 tokenId, uint256 makerAmountFilled, uint256 takerAmountFilled, uint256 fee,
 * bytes32 builder, bytes32 metadata).
 */
export const ORDER_FILLED_V2 = '0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee';

const STRING_FIELDS = ['address', 'data', 'blockHash', 'transactionHash'] as const;
type LogRecord = Record<(typeof STRING_FIELDS)[number], string>;

const ADDRESS_TOPIC = /^0x0{24}[0-9a-fA-F]{40}$/;
const V1_DATA = /^0x[0-9a-fA-F]{320}$/;
const V2_DATA = /^0x[0-9a-fA-F]{448}$/;
const QUANTITY = /^0x[0-9a-fA-F]+$/;

const WORD = 64;
/** Hex digits that a number holds exactly. */
const NUMBER_DIGITS = 13;
const UINT64_DIGITS = 16;
const ZERO_WORD = '0'.repeat(WORD);
const BEFORE_NUMBER = '0'.repeat(WORD - NUMBER_DIGITS);
const BEFORE_UINT64 = '0'.repeat(WORD - UINT64_DIGITS);
const BUY = ZERO_WORD;
const SELL = `${'0'.repeat(WORD - 1)}1`;

/**
 * One OrderFilled log of JSON-RPC (`eth_getLogs`, with `blockTimestamp`) as an order event. Quantities are hex (0x1f) or
 * safe integers. V2's side and token id become the maker's and the taker's asset: who buys gives the collateral, '0'.
 *
 * Malformed (never repaired): a field missing, null or of another type; an address that is not 20 bytes of hex, a hash
 * not 32; other than 4 topics, or the first not that of an OrderFilled; data of another length than the form's;
 * a side other than 0 or 1; an amount or fee beyond UInt64, a timestamp or log index beyond 32 bits, a block beyond
 * 2^53-1; a log that was removed by a reorg. Zero amounts, unknown tokens and exchanges are data. Hex comes out lower-case.
 *
 * @param source the name of the source the log came from, kept in the event
 * @returns the event, or a short stable reason that names the field (`data: not 5 words of hex`)
 */
export function parseExchangeLog(record: unknown, source: string): ParsedOrderEvent {
  if (!isRecord(record)) return malformed('record', 'not an object');
  const { removed, topics } = record;
  if (removed === true) return malformed('removed', 'true');
  if (typeof (removed ?? false) !== 'boolean') return malformed('removed', 'not a boolean');
  const reason = notText(record, STRING_FIELDS);
  if (reason !== undefined) return { ok: false, reason };
  const { address, data, blockHash, transactionHash } = record as LogRecord;
  if (!isAddress(address)) return malformed('address', 'not 20 bytes of hex');
  if (!isHash(blockHash)) return malformed('blockHash', 'not 32 bytes of hex');
  if (!isHash(transactionHash)) return malformed('transactionHash', 'not 32 bytes of hex');

  const blockNumber = quantity(record['blockNumber']);
  if (typeof blockNumber === 'string') return malformed('blockNumber', blockNumber);
  if (blockNumber > Number.MAX_SAFE_INTEGER) return malformed('blockNumber', 'larger than 2^53-1');
  const timestamp = quantity(record['blockTimestamp']);
  if (typeof timestamp === 'string') return malformed('blockTimestamp', timestamp);
  if (timestamp >= 2 ** 32) return malformed('blockTimestamp', 'larger than 2^32-1');
  const logIndex = quantity(record['logIndex']);
  if (typeof logIndex === 'string') return malformed('logIndex', logIndex);
  if (logIndex >= 2 ** 32) return malformed('logIndex', 'larger than 2^32-1');

  if (!Array.isArray(topics)) return malformed('topics', lackOf(topics) ?? 'not a list');
  if (topics.length !== 4) return malformed('topics', 'not 4');
  const [form, orderHash, maker, taker] = topics as unknown[];
  if (typeof orderHash !== 'string' || !isHash(orderHash))
    return malformed('orderHash', 'not 32 bytes of hex');
  if (!isAddressTopic(maker)) return malformed('maker', 'not 20 bytes of hex');
  if (!isAddressTopic(taker)) return malformed('taker', 'not 20 bytes of hex');

  const exchange = address.toLowerCase();
  const content = contentOf(form, data, exchange);
  if (content === undefined) return malformed('topics', 'the first is not that of an OrderFilled');
  if (typeof content === 'string') return { ok: false, reason: content };
  const hash = transactionHash.toLowerCase();
  return {
    ok: true,
    event: {
      id: `${hash}-${logIndex}`,
      source,
      exchange,
      blockNumber,
      blockHash: blockHash.toLowerCase(),
      logIndex,
      timestamp,
      transactionHash: hash,
      orderHash: orderHash.toLowerCase(),
      maker: `0x${maker.slice(-40).toLowerCase()}`,
      taker: `0x${taker.slice(-40).toLowerCase()}`,
      ...content,
    },
  };
}

type Amounts = Pick<OrderEvent, 'makerAmountFilled' | 'takerAmountFilled' | 'fee'>;
type Content = Amounts &
  Pick<OrderEvent, 'exchangeVersion' | 'makerAssetId' | 'takerAssetId' | 'builder' | 'metadata'>;

/** What the data says, by the form that the first topic names; a reason where it is malformed, undefined for no form. */
function contentOf(form: unknown, data: string, exchange: string): Content | string | undefined {
  const topic = typeof form === 'string' ? form.toLowerCase() : undefined;
  if (topic === ORDER_FILLED_V2) return contentOfV2(data, exchange);
  return topic === ORDER_FILLED_V1 ? contentOfV1(data) : undefined;
}

/** Words: makerAssetId, takerAssetId, makerAmountFilled, takerAmountFilled, fee. */
function contentOfV1(data: string): Content | string {
  if (!V1_DATA.test(data)) return 'data: not 5 words of hex';
  const amounts = amountsOf(data);
  if (typeof amounts === 'string') return amounts;
  return {
    ...amounts,
    exchangeVersion: 1,
    makerAssetId: assetId(data, 0),
    takerAssetId: assetId(data, 1),
    builder: '',
    metadata: '',
  };
}

/** Words: side, tokenId, makerAmountFilled, takerAmountFilled, fee, builder, metadata. */
function contentOfV2(data: string, exchange: string): Content | string {
  if (!V2_DATA.test(data)) return 'data: not 7 words of hex';
  const buys = data.startsWith(BUY, at(0));
  if (!buys && !data.startsWith(SELL, at(0))) return 'side: neither 0 nor 1';
  const amounts = amountsOf(data);
  if (typeof amounts === 'string') return amounts;
  const tokenId = assetId(data, 1);
  return {
    ...amounts,
    exchangeVersion: exchangeVersion(exchange) === 3 ? 3 : 2,
    makerAssetId: buys ? COLLATERAL : tokenId,
    takerAssetId: buys ? tokenId : COLLATERAL,
    builder: `0x${word(data, 5).toLowerCase()}`,
    metadata: `0x${word(data, 6).toLowerCase()}`,
  };
}

/** The third to the fifth word, of both forms. */
function amountsOf(data: string): Amounts | string {
  const makerAmountFilled = amount(data, 2);
  if (makerAmountFilled === undefined) return 'makerAmountFilled: larger than 2^64-1';
  const takerAmountFilled = amount(data, 3);
  if (takerAmountFilled === undefined) return 'takerAmountFilled: larger than 2^64-1';
  const fee = amount(data, 4);
  if (fee === undefined) return 'fee: larger than 2^64-1';
  return { makerAmountFilled, takerAmountFilled, fee };
}

const at = (index: number) => 2 + index * WORD;
const word = (data: string, index: number) => data.slice(at(index), at(index + 1));

/** Nearly every amount fits a number, which is much faster than BigInt. Undefined beyond 64 bits. */
function amount(data: string, index: number): string | undefined {
  const start = at(index);
  const end = start + WORD;
  if (data.startsWith(BEFORE_NUMBER, start))
    return String(parseInt(data.slice(end - NUMBER_DIGITS, end), 16));
  if (!data.startsWith(BEFORE_UINT64, start)) return undefined;
  return BigInt(`0x${data.slice(end - UINT64_DIGITS, end)}`).toString();
}

function assetId(data: string, index: number): string {
  return data.startsWith(ZERO_WORD, at(index)) ? COLLATERAL : BigInt(`0x${word(data, index)}`).toString();
}

function isAddressTopic(topic: unknown): topic is string {
  return typeof topic === 'string' && ADDRESS_TOPIC.test(topic);
}

/** A quantity as a number (inexact beyond 2^53, infinite far beyond), or what it is instead. */
function quantity(value: unknown): number | string {
  if (typeof value === 'string' && QUANTITY.test(value)) return Number(value);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  return lackOf(value) ?? 'not a quantity';
}
