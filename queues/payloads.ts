import { z } from 'zod';

/** The shapes of job data. Checked when a job is added and again when it is taken: a board user can add jobs too. */

const cursor = z.object({ position: z.number().int().min(0), id: z.string() });
const range = z.object({ from: cursor, to: cursor });

/** Milliseconds since 1970. */
const milliseconds = z.number().int().min(0);

/** A chain is a row of fetch jobs, each adding the next; its id keeps their job ids apart from other chains'. */
const chain = z.object({ id: z.string(), step: z.number().int().min(0) });

export const tickPayload = z.object({ task: z.enum(['markets', 'goldsky', 'labels']) });

export const fetchGoldskyPayload = z.object({
  cursor,
  chain,
  /** Events asked for; smaller than the usual 1,000 after the upstream found that too much. */
  pageSize: z.number().int().min(1).max(1_000).optional(),
});

export const fetchGammaPayload = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('newest'), afterCursor: z.string().optional(), chain }),
  z.object({ kind: z.literal('sweep'), closed: z.boolean(), afterCursor: z.string().optional(), chain }),
  z.object({ kind: z.literal('closedIds'), ids: z.array(z.string()).min(1).max(40) }),
  z.object({ kind: z.literal('tokens'), tokenIds: z.array(z.string()).min(1).max(40), closed: z.boolean() }),
]);

export const marketsPayload = z.object({ fetchedAt: milliseconds, records: z.array(z.unknown()) });

export const ordersPayload = z.object({
  source: z.string(),
  fetchedAt: milliseconds,
  /** What the page covers; null where it covers nothing (a sent test). */
  range: range.nullable(),
  records: z.array(z.unknown()),
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
    ]),
    encodedRows,
  ),
  coverage: z.array(
    range.extend({ source: z.string(), events: z.number().int(), quarantined: z.number().int() }),
  ),
});

export type TickPayload = z.infer<typeof tickPayload>;
export type FetchGoldskyPayload = z.infer<typeof fetchGoldskyPayload>;
export type FetchGammaPayload = z.infer<typeof fetchGammaPayload>;
export type OrdersPayload = z.infer<typeof ordersPayload>;
export type WritesPayload = z.infer<typeof writesPayload>;
