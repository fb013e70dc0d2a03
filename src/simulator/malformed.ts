import type { Random } from './random.ts';
import type { OrderRow } from './upstream.ts';

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
