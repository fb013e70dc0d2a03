import type { Random } from './random.ts';
import type { OrderRow, RpcLog } from './upstream.ts';

type Change = (row: OrderRow) => Record<string, unknown>;

/**
 * The ways a row can be broken. The id and the timestamp stay as they are: a page is ordered by them. Addresses
 * and amounts are broken in every way the pipeline has to tell from data that is merely odd.
 */
const CHANGES: Readonly<Record<string, Change>> = {
  'maker missing': ({ maker: _, ...rest }) => rest,
  'maker null': (row) => ({ ...row, maker: null }),
  'taker too short': (row) => ({ ...row, taker: String(row['taker']).slice(0, 20) }),
  'amount not a number': (row) => ({ ...row, makerAmountFilled: 'NaN' }),
  'amount negative': (row) => ({ ...row, takerAmountFilled: '-1' }),
  'amount an object': (row) => ({ ...row, makerAmountFilled: { value: row['makerAmountFilled'] } }),
  'asset id null': (row) => ({ ...row, takerAssetId: null }),
  'asset id not decimal': (row) => ({ ...row, makerAssetId: '0xabc' }),
  'hash not hex': (row) => ({ ...row, orderHash: `0x${'g'.repeat(64)}` }),
  'fee a list': (row) => ({ ...row, fee: [] }),
};
const NAMES = Object.keys(CHANGES);

/** The row broken in one way, drawn at random, and what was done to it. */
export function breakRow(
  random: Random,
  row: OrderRow,
): { readonly row: OrderRow; readonly malformed: string } {
  const malformed = random.pick(NAMES);
  const change = CHANGES[malformed];
  return { row: change === undefined ? row : change(row), malformed };
}

type LogChange = (log: RpcLog) => Partial<RpcLog>;

/**
 * The ways a log can be broken. Its address, its first topic and its place (block, index, transaction index) stay: a node
 * finds and orders it by them.
 */
const LOG_CHANGES: Readonly<Record<string, LogChange>> = {
  'data cut': ({ data }) => ({ data: String(data).slice(0, -64) }),
  'data too long': ({ data }) => ({ data: `${String(data)}${'0'.repeat(64)}` }),
  'data not hex': ({ data }) => ({ data: `${String(data).slice(0, -1)}x` }),
  'data null': () => ({ data: null }),
  'amount too large': ({ data }) => ({ data: withWord(String(data), 3, 'f'.repeat(64)) }),
  'topic missing': ({ topics }) => ({ topics: topics.slice(0, 3) }),
  'topic too short': ({ topics }) => ({ topics: [...topics.slice(0, 3), '0x1234'] }),
  'hash not hex': () => ({ transactionHash: `0x${'g'.repeat(64)}` }),
};
/** Only in logs of seven words: V1 says no side. */
const V2_LOG_CHANGES: Readonly<Record<string, LogChange>> = {
  ...LOG_CHANGES,
  'side 2': ({ data }) => ({ data: withWord(String(data), 0, '2'.padStart(64, '0')) }),
};
const V2_LENGTH = 2 + 7 * 64;

/** The log broken in one way, drawn at random, and what was done to it. */
export function breakLog(random: Random, log: RpcLog): { readonly log: RpcLog; readonly malformed: string } {
  const changes = String(log['data']).length === V2_LENGTH ? V2_LOG_CHANGES : LOG_CHANGES;
  const malformed = random.pick(Object.keys(changes));
  return { log: { ...log, ...changes[malformed]?.(log) }, malformed };
}

function withWord(data: string, index: number, word: string): string {
  const start = 2 + index * 64;
  return data.slice(0, start) + word + data.slice(start + 64);
}
