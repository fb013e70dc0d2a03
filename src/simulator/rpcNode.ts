import { z } from 'zod';

/** How one node of the chain answers: its provider's limits, and what it lacks. */
export const NODE_SCHEMA = z.strictObject({
  /** Blocks an eth_getLogs may span; 0 = any number. */
  maxBlocks: z.number().int().min(0),
  /** Logs it may bring, but for a single block, which is always served; 0 = any number. */
  maxLogs: z.number().int().min(0),
  /** Whose words an excess is refused with. */
  style: z.enum(['infura', 'alchemy', 'quicknode', 'drpc', 'range']),
  /** Requests in a batch; 0 = no batches at all. */
  maxBatch: z.number().int().min(0),
  /** Whether logs say their block's time. */
  logTimestamps: z.boolean(),
  /** Whether the block tag `finalized` (and `safe`) is known. */
  finalizedTag: z.boolean(),
  /** How many blocks its head is behind the chain's; what is asked beyond is silently not there. */
  behindBlocks: z.number().int().min(0),
  /** Share of the logs that are silently left out, always the same ones. */
  holes: z.number().min(0).max(1),
  /** Blocks it does not know: null, and their logs silently left out. */
  missingBlocks: z.array(z.number().int()),
});
export type NodeSettings = z.output<typeof NODE_SCHEMA>;

export const NODE_DEFAULTS: NodeSettings = {
  maxBlocks: 10_000,
  maxLogs: 10_000,
  style: 'infura',
  maxBatch: 100,
  logTimestamps: true,
  finalizedTag: true,
  behindBlocks: 0,
  holes: 0,
  missingBlocks: [],
};
