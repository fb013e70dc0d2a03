/** Single OrderFilled logs for tests, encoded here from the ABI's rules alone: nothing of src is used. */

export const TOPIC_V1 = '0xd0a08e8c493f9c94f29311604c9de1b4e8c8d4c06bd0c789af57f2d65bfec0f6';
export const TOPIC_V2 = '0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee';

/** A log as JSON-RPC gives it. */
export interface ExampleLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly blockNumber: string;
  readonly blockHash: string;
  readonly blockTimestamp: string;
  readonly transactionHash: string;
  readonly transactionIndex: string;
  readonly logIndex: string;
  readonly removed: boolean;
}

/** What a log says, but for the words of its data. 32 bytes or 20 bytes of hex. */
export interface LogPlace {
  readonly address: string;
  readonly block: number;
  readonly blockHash: string;
  /** Unix seconds. */
  readonly second: number;
  readonly transactionHash: string;
  readonly logIndex: number;
  readonly orderHash: string;
  readonly maker: string;
  readonly taker: string;
}

export const word = (value: bigint): string => value.toString(16).padStart(64, '0');
export const quantity = (value: number): string => `0x${value.toString(16)}`;

/** A log of that form; words are uint256, or bytes32 as numbers. */
export function encodeLog(topic: string, place: LogPlace, words: readonly bigint[]): ExampleLog {
  const asTopic = (address: string) => `0x${address.slice(2).padStart(64, '0')}`;
  return {
    address: place.address,
    topics: [topic, place.orderHash, asTopic(place.maker), asTopic(place.taker)],
    data: `0x${words.map(word).join('')}`,
    blockNumber: quantity(place.block),
    blockHash: place.blockHash,
    blockTimestamp: quantity(place.second),
    transactionHash: place.transactionHash,
    transactionIndex: '0x5',
    logIndex: quantity(place.logIndex),
    removed: false,
  };
}

export const EXCHANGE_V1 = '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e';
export const EXCHANGE_V2 = '0xe2222d279d744050d28e00520010520000310f59';
export const EXCHANGE_V3 = '0xe3333700ca9d93003f00f0f71f8515005f6c00aa';

const hash = (byte: string) => `0x${byte.repeat(32)}`;

export const PLACE: LogPlace = {
  address: EXCHANGE_V2,
  block: 91_145_435,
  blockHash: hash('b1'),
  second: 1_785_423_173,
  transactionHash: hash('7a'),
  logIndex: 812,
  orderHash: hash('0d'),
  maker: `0x${'c5'.repeat(20)}`,
  taker: `0x${'4b'.repeat(20)}`,
};

/** The maker gives 0.5 of the collateral for 1.25 of token 7; fee 0.01 of the token. */
export function exampleLogV1(place: Partial<LogPlace> = {}, token = 7n): ExampleLog {
  const words = [0n, token, 500_000n, 1_250_000n, 10_000n];
  return encodeLog(TOPIC_V1, { ...PLACE, address: EXCHANGE_V1, ...place }, words);
}

/** The maker gives 1.25 of token 7 for 0.5 of the collateral; fee 0.01 of the collateral. */
export function exampleLogV2(place: Partial<LogPlace> = {}, token = 7n): ExampleLog {
  const words = [1n, token, 1_250_000n, 500_000n, 10_000n, 0xbeefn, 0xfeedn];
  return encodeLog(TOPIC_V2, { ...PLACE, ...place }, words);
}
