import { z } from 'zod';
import type { NodeSettings } from './rpcNode.ts';

/**
 * What a request can be made to meet instead of its answer.
 * - `status`: that status, with an optional Retry-After and body
 * - `reset`: the connection is reset; `hang`: no answer ever
 * - `truncated`: the true answer's first half, as a complete response; `html`: a page of HTML with status 200
 * - `graphql`: HTTP 200 with `errors` of that message, and `data` if given
 * - `empty`: a well-formed answer that holds nothing, with the true head
 * - `behind`: the answer of a node that has indexed only up to that many seconds ago
 * - `ignoresCursor`: the first page, whatever cursor was sent
 * - `rpcError`: HTTP 200 with that JSON-RPC error for the request, or for each of a batch
 *
 * Those that mean nothing to an API are refused: see {@link means}.
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
  z.object({ kind: z.literal('rpcError'), code: z.number().int(), message: z.string() }),
]);
export type Fault = z.output<typeof FAULT_SCHEMA>;

export const NODE_NAMES = ['polygon', 'polygon2', 'polygon3'] as const;
export type NodeName = (typeof NODE_NAMES)[number];
export const API_NAMES = ['gamma', 'goldsky', ...NODE_NAMES, 'hypersync'] as const;
export type ApiName = (typeof API_NAMES)[number];

export function isNode(name: ApiName): name is NodeName {
  return NODE_NAMES.some((node) => node === name);
}

/** Whether an API can have a fault: GraphQL errors and cursors are not for nodes and HyperSync, whose requests say ranges. */
export function means(name: ApiName, fault: Fault): boolean {
  if (fault.kind === 'rpcError') return isNode(name);
  const saysRange = isNode(name) || name === 'hypersync';
  return !(saysRange && (fault.kind === 'graphql' || fault.kind === 'ignoresCursor'));
}

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
  readonly #name: ApiName;
  #count = 0;

  constructor(name: ApiName) {
    this.#name = name;
  }

  /**
   * The next `times` requests whose URL or body holds `match` meet the fault; faults given earlier come first.
   * @throws RangeError for a fault that means nothing to the API
   */
  failNext(times: number, fault: Fault, match = ''): void {
    if (!means(this.#name, fault)) throw new RangeError(`${this.#name} cannot have the fault ${fault.kind}`);
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

/** A node's, with its settings; healed, it has those of its start again. */
export class NodeControl extends ApiControl {
  node: NodeSettings;
  readonly #healthy: NodeSettings;

  constructor(name: NodeName, settings: NodeSettings) {
    super(name);
    this.#healthy = settings;
    this.node = { ...settings };
  }

  override heal(): void {
    super.heal();
    this.node = { ...this.#healthy };
  }
}

/** Faults, limits and logs of all APIs. */
export type Control = Readonly<Record<ApiName, ApiControl> & Record<NodeName, NodeControl>>;
