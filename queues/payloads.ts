import { z } from 'zod';

/** The shapes of job data. Checked when a job is added and again when it is taken: a board user can add jobs too. */

const cursor = z.object({ position: z.number().int().min(0), id: z.string() });
const range = z.object({ from: cursor, to: cursor });

/** Milliseconds since 1970. */
const milliseconds = z.number().int().min(0);

/** A chain is a row of fetch jobs, each adding the next; its id keeps their job ids apart from other chains'. */
const chain = z.object({ id: z.string(), step: z.number().int().min(0) });

export const tickPayload = z.object({
  task: z.enum([
    'markets',
    'goldsky',
    'polygon',
    'labels',
    'settle',
    'gaps',
    'recount',
    'recover',
    'compact',
  ]),
});

/** Events asked for; smaller than the usual 1,000 after the upstream found that too much. */
const pageSize = z.number().int().min(1).max(1_000).optional();

/** An event that the answer has to hold: the request before saw it. */
const known = cursor.optional();
/** Answers in a row that did not hold it. */
const doubts = z.number().int().min(0).optional();

/** A mark (src/store/unsettled.ts) that a reading answers; version null: whatever it is by now. */
const mark = z.object({
  from: z.number().int().min(0),
  to: z.number().int().min(1),
  checks: z.number().int().min(0),
  version: z.string().nullable(),
});

/** What a covered range is read again for. */
const reread = z.object({
  reason: z.enum(['settle', 'recount']),
  /** Names a recount in its table. */
  request: z.string(),
  mark: mark.optional(),
  /** Stored events that the answers so far did not hold, and how many answers that were. */
  missing: z.object({ answers: z.number().int().min(1), places: z.array(z.string()) }).optional(),
});

/** Of any source: a covered range, up to, not including, position `to`, read again and compared with what is stored. */
export const rereadJob = z.object({
  kind: z.literal('reread'),
  cursor,
  to: z.number().int().min(1),
  ...reread.shape,
});

export const fetchGoldskyPayload = z.discriminatedUnion('kind', [
  /** The live tail. */
  z.object({ kind: z.literal('tail'), cursor, chain, pageSize, known, doubts }),
  /** A past range, a gap perhaps: up to, not including, position `to`. */
  z.object({ kind: z.literal('range'), cursor, to: z.number().int().min(0), chain, pageSize, known, doubts }),
  rereadJob.extend({ pageSize }),
]);

/** Of any source: a fetch that is followed by the next one of its chain; without `to`, the live tail. */
export const chainedJob = z.object({
  kind: z.enum(['tail', 'range']),
  cursor,
  to: z.number().int().min(0).optional(),
  chain,
});

/** Past blocks: from the cursor's up to, not including, block `to`. */
const blockRange = z.object({ kind: z.literal('range'), cursor, to: z.number().int().min(0), chain });

export const fetchPolygonPayload = z.discriminatedUnion('kind', [
  /** The first job of the live tail where nothing is covered yet: it finds the block to begin at. */
  z.object({ kind: z.literal('start'), chain }),
  /** The live tail: what is final after the cursor, then what is newer. */
  z.object({ kind: z.literal('tail'), cursor, chain }),
  blockRange,
  rereadJob,
]);

export const fetchHypersyncPayload = blockRange;

export const fetchGammaPayload = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('newest'), afterCursor: z.string().optional(), chain }),
  z.object({ kind: z.literal('sweep'), closed: z.boolean(), afterCursor: z.string().optional(), chain }),
  z.object({ kind: z.literal('closedIds'), ids: z.array(z.string()).min(1).max(40) }),
  z.object({
    kind: z.literal('tokens'),
    tokenIds: z.array(z.string()).min(1).max(40),
    closed: z.boolean(),
    /** Conditional tokens, or positions of the PositionManager. */
    ledger: z.enum(['ctf', 'pm']).default('ctf'),
  }),
]);

/** Where records are sent again from quarantine: what it says of each of them, in their order. */
const retried = z
  .array(z.object({ hash: z.string(), reason: z.string(), receivedAt: milliseconds }))
  .optional();

export const marketsPayload = z.object({ fetchedAt: milliseconds, records: z.array(z.unknown()), retried });

/** See packedRecords.ts. */
const packedRecords = z.object({
  count: z.number().int().min(0),
  fields: z.array(z.string()).readonly(),
  text: z.string(),
  others: z.array(z.tuple([z.number().int().min(0), z.unknown()]).readonly()).readonly(),
});

const blockStamp = z.object({
  number: z.number().int().min(0),
  hash: z.string(),
  /** Unix seconds. */
  timestamp: z.number().int().min(0),
});

export const ordersPayload = z.object({
  source: z.string(),
  fetchedAt: milliseconds,
  /** What the page covers; null where it covers nothing (a sent test). */
  range: range.nullable(),
  /** As they came, or packed. */
  records: z.union([packedRecords, z.array(z.unknown())]),
  retried,
  /** Positions, both included, that are to be read again: a reorg may still change them, or a node may lack some of them. */
  unsettled: z.object({ from: z.number().int().min(0), to: z.number().int().min(0) }).optional(),
  /** The records are all there is of this slice: what is stored of it is compared with them, and corrected. */
  reread: reread.extend({ slice: range }).optional(),
  /**
   * Of a source whose positions are blocks: those that are known of the slice, or, without one, all of the page's, in
   * order and as they are now. What is stored of other blocks of the same numbers is taken out.
   */
  blocks: z.array(blockStamp).min(1).optional(),
});

const encodedRows = z.object({ count: z.number().int().min(0), lines: z.string() });

export const writesPayload = z.object({
  /** Encoded rows by storage table (src/store/tables.ts). */
  rows: z.partialRecord(
    z.enum([
      'market_versions',
      'market_token_versions',
      'quarantine_versions',
      'order_event_versions',
      'unlabelled_token_versions',
      'unsettled_range_versions',
      'recount_versions',
    ]),
    encodedRows,
  ),
  coverage: z.array(
    range.extend({ source: z.string(), events: z.number().int(), quarantined: z.number().int() }),
  ),
  /** Quarantined records that have become these rows (src/store/quarantine.ts). */
  resolved: z
    .array(z.object({ source: z.string(), hash: z.string(), receivedAt: milliseconds, row: z.string() }))
    .optional(),
});

export type TickPayload = z.infer<typeof tickPayload>;
export type FetchGoldskyPayload = z.infer<typeof fetchGoldskyPayload>;
export type FetchPolygonPayload = z.infer<typeof fetchPolygonPayload>;
export type FetchGammaPayload = z.infer<typeof fetchGammaPayload>;
export type Reread = NonNullable<OrdersPayload['reread']>;
/** A job that reads a covered range again, of any source. */
export type RereadJob = z.infer<typeof rereadJob>;
export type BlockStamp = z.infer<typeof blockStamp>;
export type OrdersPayload = z.infer<typeof ordersPayload>;
/** The payload with its records as they came. */
export type OrdersPage = Omit<OrdersPayload, 'records'> & { readonly records: readonly unknown[] };
export type WritesPayload = z.infer<typeof writesPayload>;
