import { z } from 'zod';

/**
 * What a request can be made to meet instead of its answer.
 * - `status`: that status, with an optional Retry-After and body
 * - `reset`: the connection is reset; `hang`: no answer ever
 * - `truncated`: the true answer's first half, as a complete response; `html`: a page of HTML with status 200
 * - `graphql`: HTTP 200 with `errors` of that message, and `data` if given
 * - `empty`: a well-formed answer that holds nothing, with the true head
 * - `behind`: the answer of a node that has indexed only up to that many seconds ago
 * - `ignoresCursor`: the first page, whatever cursor was sent
 */
export const FAULT_SCHEMA = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('status'),
    status: z.number().int().min(400).max(599),
    retryAfter: z.union([z.number(), z.string()]).optional(),
    body: z.unknown().optional(),
  }),
  z.object({ kind: z.literal('reset') }),
  z.object({ kind: z.literal('hang') }),
  z.object({ kind: z.literal('truncated') }),
  z.object({ kind: z.literal('html') }),
  z.object({ kind: z.literal('graphql'), message: z.string(), data: z.unknown().optional() }),
  z.object({ kind: z.literal('empty') }),
  z.object({ kind: z.literal('behind'), seconds: z.number().int().positive() }),
  z.object({ kind: z.literal('ignoresCursor') }),
]);
export type Fault = z.output<typeof FAULT_SCHEMA>;

export type ApiName = 'gamma' | 'goldsky';

export interface RequestRecord {
  /** Milliseconds of the clock on arrival. */
  readonly at: number;
  readonly method: string;
  /** Path with query, below the API's prefix. */
  readonly url: string;
  readonly body: string;
  /** Status of the answer; 0 when none was sent (reset, hang). */
  readonly status: number;
}

/** At most `requests` answers in any `windowMs`; beyond that 429, with Retry-After if wanted. */
export interface RateLimit {
  readonly requests: number;
  readonly windowMs: number;
  readonly retryAfter: boolean;
}

const MAX_RECORDS = 10_000;

/** One API's faults, latency, limit and log of requests. */
export class ApiControl {
  latencyMs = 0;
  limit: RateLimit | undefined;
  readonly #faults: { readonly fault: Fault; readonly match: string; left: number }[] = [];
  readonly #records: RequestRecord[] = [];
  readonly #admitted: number[] = [];
  readonly #byStatus = new Map<number, number>();
  #count = 0;

  /** The next `times` requests whose URL or body holds `match` meet the fault; faults given earlier come first. */
  failNext(times: number, fault: Fault, match = ''): void {
    this.#faults.push({ fault, match, left: times });
  }

  /** No more faults, latency or limit; the log stays. */
  heal(): void {
    this.#faults.length = 0;
    this.latencyMs = 0;
    this.limit = undefined;
  }

  /** The fault a request has to meet, counted as met. */
  takeFault(text: string): Fault | undefined {
    const planned = this.#faults.find(({ match, left }) => left > 0 && text.includes(match));
    if (planned === undefined) return undefined;
    planned.left--;
    if (planned.left === 0) this.#faults.splice(this.#faults.indexOf(planned), 1);
    return planned.fault;
  }

  /** Milliseconds until a request is let in again; 0 lets this one in. Refused requests do not count. */
  admit(now: number): number {
    if (this.limit === undefined) return 0;
    const { requests, windowMs } = this.limit;
    while (this.#admitted.length > 0 && (this.#admitted[0] ?? 0) <= now - windowMs) this.#admitted.shift();
    const oldest = this.#admitted[this.#admitted.length - requests];
    if (oldest !== undefined) return oldest + windowMs - now;
    this.#admitted.push(now);
    return 0;
  }

  record(record: RequestRecord): void {
    this.#count++;
    this.#byStatus.set(record.status, (this.#byStatus.get(record.status) ?? 0) + 1);
    this.#records.push(record);
    if (this.#records.length > MAX_RECORDS) this.#records.shift();
  }

  /** The last 10,000 requests, oldest first. */
  get requests(): readonly RequestRecord[] {
    return this.#records;
  }

  /** How many there were in all, and by status. */
  get counts(): { readonly count: number; readonly byStatus: Readonly<Record<string, number>> } {
    return { count: this.#count, byStatus: Object.fromEntries(this.#byStatus) };
  }
}

/** Faults, limits and logs of both APIs. */
export type Control = Readonly<Record<ApiName, ApiControl>>;

const API_COMMAND = z
  .strictObject({
    heal: z.literal(true),
    latencyMs: z.number().min(0),
    limit: z
      .object({
        requests: z.number().int().positive(),
        windowMs: z.number().default(10_000),
        retryAfter: z.boolean().default(true),
      })
      .nullable(),
    fail: z.object({
      times: z.number().int().positive().default(1),
      match: z.string().default(''),
      fault: FAULT_SCHEMA,
    }),
  })
  .partial();

/** Body of `POST /__control`. */
export const COMMAND_SCHEMA = z
  .strictObject({
    gamma: API_COMMAND,
    goldsky: API_COMMAND,
    addEvents: z.array(z.record(z.string(), z.unknown())),
    removeEvents: z.array(z.string()),
    addMarkets: z.array(z.record(z.string(), z.unknown())),
  })
  .partial();

/** Does what a command says for one API. */
export function applyTo(api: ApiControl, command: z.output<typeof API_COMMAND>): void {
  if (command.heal === true) api.heal();
  if (command.latencyMs !== undefined) api.latencyMs = command.latencyMs;
  if (command.limit !== undefined) api.limit = command.limit ?? undefined;
  if (command.fail !== undefined) api.failNext(command.fail.times, command.fail.fault, command.fail.match);
}
