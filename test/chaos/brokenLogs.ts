import { breakLog } from '../../src/simulator/malformed.ts';
import { Random } from '../../src/simulator/random.ts';
import type { ChainLog, RpcLog } from '../../src/simulator/upstream.ts';

/** One log in this many is malformed; of those one in that many is a megabyte long, and one in that many has an odd field. */
const MALFORMED_EVERY = 250;
const HUGE_EVERY = 20;
const ODD_EVERY = 4;
const HUGE = '0'.repeat(1_000_000);

/** Fields of a log that a node answers with, but which say nothing about its time: a node may leave that out. */
const ODD: readonly ((log: RpcLog) => Partial<Record<string, unknown>>)[] = [
  () => ({ logIndex: null }),
  () => ({ logIndex: '0xzz' }),
  () => ({ blockHash: '0x12' }),
  () => ({ transactionHash: undefined }),
  ({ topics }) => ({ topics: [topics[0], null, ...topics.slice(2)] }),
  () => ({ data: { value: '0x' } }),
];

/** The log, malformed by chance: the same log in the same block always is, in the same way. */
export function perhapsBroken(seed: number, entry: ChainLog): ChainLog {
  const { log, fill } = entry;
  if (fill === undefined) return entry;
  const key = Number.parseInt(String(log['blockHash']).slice(2, 14), 16);
  const random = new Random(
    seed ^ Number.parseInt(fill.transactionHash.slice(2, 9), 16),
    key + fill.logIndex,
  );
  if (random.below(MALFORMED_EVERY) !== 0) return entry;
  if (random.below(HUGE_EVERY) === 0)
    return { fill, log: { ...log, data: `${String(log['data'])}${HUGE}` }, malformed: 'huge' };
  if (random.below(ODD_EVERY) === 0)
    return { fill, log: { ...log, ...random.pick(ODD)(log) }, malformed: 'odd field' };
  return { fill, ...breakLog(random, log) };
}
