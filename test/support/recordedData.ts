import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';

/** Real recordings that lie beside the project on the developers' machines; they are no part of it. */
const FOLDER = fileURLToPath(new URL('../../../shared/data/', import.meta.url));

export const lacksRecordedData = !existsSync(`${FOLDER}order-filled.csv`);

export function recordedFile(name: string): string {
  return `${FOLDER}${name}`;
}

/** The content of a JSON file, gzipped or not. */
export function readRecorded<T>(name: string): T {
  const bytes = readFileSync(recordedFile(name));
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as T;
}

/** One OrderFilled as the chain logged it. Amounts in base units. */
export interface Fill {
  readonly transactionHash: string;
  readonly timestamp: number;
  readonly exchange: string;
  readonly orderHash: string;
  readonly maker: string;
  readonly taker: string;
  readonly side: 'BUY' | 'SELL';
  readonly tokenId: string;
  readonly usd: bigint;
  readonly tokens: bigint;
  readonly fee: bigint;
}

interface RawLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly transactionHash: string;
  readonly blockTimestamp?: string;
}

interface V2Logs {
  readonly pmex: readonly RawLog[];
  readonly pair: {
    readonly logs: { readonly block_timestamp: string; readonly logs: readonly RawLog[] };
    readonly data_api: readonly DataApiTrade[];
  };
}

/** A record of Polymarket's Data API. */
export interface DataApiTrade {
  readonly proxyWallet: string;
  readonly side: 'BUY' | 'SELL';
  readonly asset: string;
  readonly conditionId: string;
  readonly size: number;
  readonly price: number;
  readonly usdcSize?: number;
  readonly timestamp: number;
  readonly outcome: string;
  readonly outcomeIndex: number;
  readonly transactionHash: string;
}

/** The raw logs behind order-filled.csv, decoded here and nowhere else in the project. */
export function recordedFills(): Fill[] {
  const v1 = readRecorded<{ header: { timestamp: number }; logs: RawLog[] }[]>('v1-logs.json');
  const v2 = readRecorded<V2Logs>('v2-logs.json');
  return [
    ...v1.flatMap(({ header, logs }) => logs.map((log) => decodeV1(log, header.timestamp))),
    ...v2.pmex.map((log) => decodeV2(log, Number(log.blockTimestamp))),
    ...v2.pair.logs.logs.map((log) => decodeV2(log, Number(v2.pair.logs.block_timestamp))),
  ];
}

/** What the Data API says of a fill that is among the recorded logs. */
export function recordedPair(): readonly DataApiTrade[] {
  return readRecorded<V2Logs>('v2-logs.json').pair.data_api;
}

const word = (data: string, index: number) => BigInt(`0x${data.slice(2 + index * 64, 66 + index * 64)}`);
const address = (topic: string | undefined) => `0x${(topic ?? '').slice(-40)}`;

function common(log: RawLog, timestamp: number) {
  const [, orderHash = '', maker, taker] = log.topics;
  const { transactionHash, address: exchange } = log;
  return { transactionHash, timestamp, exchange, orderHash, maker: address(maker), taker: address(taker) };
}

/** V1: makerAssetId, takerAssetId, makerAmountFilled, takerAmountFilled, fee; asset 0 is the collateral. */
function decodeV1(log: RawLog, timestamp: number): Fill {
  const [makerAsset, takerAsset, gives, gets, fee] = [0, 1, 2, 3, 4].map((at) => word(log.data, at));
  const buys = makerAsset === 0n;
  return {
    ...common(log, timestamp),
    side: buys ? 'BUY' : 'SELL',
    tokenId: String(buys ? takerAsset : makerAsset),
    usd: (buys ? gives : gets) ?? 0n,
    tokens: (buys ? gets : gives) ?? 0n,
    fee: fee ?? 0n,
  };
}

/** V2: side (0 buys), tokenId, makerAmountFilled, takerAmountFilled, fee, and two words that nobody needs here. */
function decodeV2(log: RawLog, timestamp: number): Fill {
  const [side, tokenId, gives, gets, fee] = [0, 1, 2, 3, 4].map((at) => word(log.data, at));
  const buys = side === 0n;
  return {
    ...common(log, timestamp),
    side: buys ? 'BUY' : 'SELL',
    tokenId: String(tokenId),
    usd: (buys ? gives : gets) ?? 0n,
    tokens: (buys ? gets : gives) ?? 0n,
    fee: fee ?? 0n,
  };
}
