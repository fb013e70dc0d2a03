import { LRUCache } from 'lru-cache';
import { versionOf } from './contracts.ts';
import type { Block, OrderRow, RpcLog } from './upstream.ts';

/** topic0 of OrderFilled: of the V1 exchanges, and of all later ones. */
export const ORDER_FILLED_V1 = '0xd0a08e8c493f9c94f29311604c9de1b4e8c8d4c06bd0c789af57f2d65bfec0f6';
export const ORDER_FILLED_V2 = '0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee';

/** What a log says beside its row and its block. */
export interface LogPlace {
  readonly exchange: string;
  readonly transactionIndex: number;
  readonly logIndex: number;
  readonly builder: string;
  readonly metadata: string;
}

/** Token ids come again and again; turning 78 digits into hex takes long. */
const words = new LRUCache<string, string>({ max: 20_000 });

/**
 * A subgraph row as the log its exchange emitted for it, in the shape of `eth_getLogs`.
 * @throws SyntaxError, RangeError for a row that no log can say: a number that is none, a V2 event without collateral
 */
export function encodeLog(row: OrderRow, place: LogPlace, block: Block): RpcLog {
  const isV1 = versionOf(place.exchange) === 1;
  const text = (name: string): string => String(row[name]);
  return {
    address: place.exchange,
    topics: [
      isV1 ? ORDER_FILLED_V1 : ORDER_FILLED_V2,
      text('orderHash'),
      addressWord(text('maker')),
      addressWord(text('taker')),
    ],
    data: `0x${isV1 ? dataV1(text) : dataV2(text, place)}`,
    blockNumber: hex(block.number),
    transactionHash: text('transactionHash'),
    transactionIndex: hex(place.transactionIndex),
    blockHash: block.hash,
    blockTimestamp: hex(block.timestamp),
    logIndex: hex(place.logIndex),
    removed: false,
  };
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

type Read = (name: string) => string;

function dataV1(text: Read): string {
  const names = ['makerAssetId', 'takerAssetId', 'makerAmountFilled', 'takerAmountFilled', 'fee'];
  return names.map((name) => word(text(name))).join('');
}

function dataV2(text: Read, { builder, metadata }: LogPlace): string {
  const [given, got] = [text('makerAssetId'), text('takerAssetId')];
  if (given !== '0' && got !== '0') throw new RangeError('a V2 event trades a token against the collateral');
  const side = given === '0' ? '0' : '1';
  const amounts = ['makerAmountFilled', 'takerAmountFilled', 'fee'].map((name) => word(text(name)));
  const token = given === '0' ? got : given;
  return [word(side), word(token), ...amounts, bytes32(builder), bytes32(metadata)].join('');
}

/** A decimal integer as 32 bytes of hex. */
function word(decimal: string): string {
  if (decimal.length < 16) return number(decimal).toString(16).padStart(64, '0');
  const known = words.get(decimal);
  if (known !== undefined) return known;
  const made = BigInt(decimal).toString(16).padStart(64, '0');
  words.set(decimal, made);
  return made;
}

function number(decimal: string): number {
  if (!/^\d+$/.test(decimal)) throw new SyntaxError(`${decimal} is not a decimal integer`);
  return Number(decimal);
}

function bytes32(value: string): string {
  return (value === '' ? '' : value.slice(2)).padStart(64, '0');
}

function addressWord(address: string): string {
  return `0x${address.slice(2).toLowerCase().padStart(64, '0')}`;
}
