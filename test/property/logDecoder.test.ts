import { decodeEventLog, parseAbiItem, type Hex } from 'viem';
import { expect, test } from 'vitest';
import { parseExchangeLog } from '../../src/domain/parseLog.ts';
import {
  encodeLog,
  EXCHANGE_V1,
  EXCHANGE_V3,
  PLACE,
  TOPIC_V1,
  TOPIC_V2,
  type ExampleLog,
} from '../support/exampleLogs.ts';

const LOGS = 100_000;

const V1 = parseAbiItem(
  'event OrderFilled(bytes32 indexed orderHash, address indexed maker, address indexed taker, uint256 makerAssetId, uint256 takerAssetId, uint256 makerAmountFilled, uint256 takerAmountFilled, uint256 fee)',
);
const V2 = parseAbiItem(
  'event OrderFilled(bytes32 indexed orderHash, address indexed maker, address indexed taker, uint8 side, uint256 tokenId, uint256 makerAmountFilled, uint256 takerAmountFilled, uint256 fee, bytes32 builder, bytes32 metadata)',
);

/** 32 random bits, seeded: fast-check would take longer to make a log than both decoders to read it. */
class Numbers {
  #state: number;
  /** viem hashes an address that it has not seen lately, which takes it longer than all the rest. */
  readonly #addresses: readonly string[];

  constructor(seed: number) {
    this.#state = seed | 1;
    this.#addresses = Array.from({ length: 2_000 }, () => `0x${this.hex(20)}`);
  }

  address(): string {
    return this.#addresses[this.next() % this.#addresses.length] ?? '';
  }

  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }

  /** Of any length up to that many bits; often an end of its kind, or at a power of two. */
  uint(bits: number): bigint {
    const kind = this.next() % 8;
    if (kind === 0) return 0n;
    if (kind === 1) return 2n ** BigInt(bits) - 1n;
    const length = 1 + (this.next() % bits);
    const power = 2n ** BigInt(length);
    if (kind === 2) return power - 1n;
    if (kind === 3) return power / 2n;
    return BigInt(`0x${this.hex(32)}`) % power;
  }

  hex(bytes: number): string {
    let text = '';
    while (text.length < bytes * 2) text += this.next().toString(16).padStart(8, '0');
    return text.slice(0, bytes * 2);
  }
}

function log(numbers: Numbers, topic: string, address: string, words: readonly bigint[]): ExampleLog {
  const place = {
    ...PLACE,
    address,
    orderHash: `0x${numbers.hex(32)}`,
    maker: numbers.address(),
    taker: numbers.address(),
    logIndex: numbers.next(),
  };
  return encodeLog(topic, place, words);
}

const viemLog = ({ topics, data }: ExampleLog) => ({
  topics: topics as [Hex, ...Hex[]],
  data: data as Hex,
});

/** What the decoder makes of a log, beside what the log's place says. */
function decoded(given: ExampleLog): Record<string, unknown> {
  const result = parseExchangeLog(given, 'polygon');
  if (!result.ok) return { reason: result.reason };
  const { event } = result;
  return {
    orderHash: event.orderHash,
    maker: event.maker,
    taker: event.taker,
    assets: `${event.makerAssetId} ${event.takerAssetId}`,
    amounts: `${event.makerAmountFilled} ${event.takerAmountFilled} ${event.fee}`,
    free: `${event.builder} ${event.metadata}`,
    id: event.id,
  };
}

interface Args {
  readonly orderHash: string;
  readonly maker: string;
  readonly taker: string;
  readonly makerAmountFilled: bigint;
  readonly takerAmountFilled: bigint;
  readonly fee: bigint;
}

function said(given: ExampleLog, args: Args, assets: string, free: string): Record<string, unknown> {
  return {
    orderHash: args.orderHash,
    maker: args.maker.toLowerCase(),
    taker: args.taker.toLowerCase(),
    assets,
    amounts: `${args.makerAmountFilled} ${args.takerAmountFilled} ${args.fee}`,
    free,
    id: `${PLACE.transactionHash}-${Number(given.logIndex)}`,
  };
}

/** Compares all logs, and shows the first that differs, with its seed. */
function expectAgreement(one: (numbers: Numbers) => [ExampleLog, Record<string, unknown>]): void {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const numbers = new Numbers(seed);
  for (let count = 0; count < LOGS; count++) {
    const [given, wanted] = one(numbers);
    const got = decoded(given);
    if (JSON.stringify(got) === JSON.stringify(wanted)) continue;
    expect({ seed, count, given, ...got }).toEqual({ seed, count, given, ...wanted });
  }
}

test(`the decoder agrees with viem on ${LOGS} logs of V1`, () => {
  expectAgreement((numbers) => {
    const words = [256, 256, 64, 64, 64].map((bits) => numbers.uint(bits));
    const given = log(numbers, TOPIC_V1, EXCHANGE_V1, words);
    const { args } = decodeEventLog({ abi: [V1], ...viemLog(given) });
    return [given, said(given, args, `${args.makerAssetId} ${args.takerAssetId}`, ' ')];
  });
});

test(`the decoder agrees with viem on ${LOGS} logs of the form of V2 and V3`, () => {
  expectAgreement((numbers) => {
    const words = [1, 256, 64, 64, 64, 256, 256].map((bits) => numbers.uint(bits));
    const given = log(numbers, TOPIC_V2, EXCHANGE_V3, words);
    const { args } = decodeEventLog({ abi: [V2], ...viemLog(given) });
    const assets = args.side === 0 ? `0 ${args.tokenId}` : `${args.tokenId} 0`;
    return [given, said(given, args, assets, `${args.builder} ${args.metadata}`)];
  });
});
