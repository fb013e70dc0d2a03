import { oneLine } from '../src/base/errors.ts';
import type { BlockRef, LogsPage, RequestOptions } from '../src/sources/polygonTypes.ts';
import { UpstreamError } from '../src/sources/upstreamError.ts';
import type { Api } from '../queues/breaker.ts';
import type { QueueName } from '../queues/catalogue.ts';
import type { BlockStamp } from '../queues/payloads.ts';
import { takeTurn } from '../queues/turns.ts';
import type { WorkerContext } from './context.ts';
import { addPage } from './ordersPage.ts';
import type { JobContext } from './register.ts';

export const POLYGON = 'polygon';

/** Order events in one page; a block that has more stays whole. */
const PAGE_EVENTS = 1_000;

/** Blocks behind the head within which what was read is read again a few times: a node may have lacked some of it. */
export const RECENT_BLOCKS = 300;

/** Makes requests to one API for a job. */
export interface Requests {
  /**
   * Behind the API's circuit breaker. What the last problem was is kept in the source's state.
   * @throws UpstreamError, AppError CIRCUIT_OPEN
   */
  ask<T>(request: (options: RequestOptions) => Promise<T>): Promise<T>;
}

/** Each request waits for a turn of its own; the job's start has waited at the queue's limiter for the first one. */
export function requestsOf(
  context: WorkerContext,
  api: Api,
  queue: QueueName,
  { signal }: JobContext,
): Requests {
  let starts = true;
  const turn = async () => {
    const options = { signal, starts };
    starts = false;
    await takeTurn(context.redis, context.queues, queue, context.config, options);
  };
  const options = { turn, ...(signal === undefined ? {} : { signal }) };
  return {
    ask: async (request) => {
      try {
        return await context.breakers.guarded(api, () => request(options));
      } catch (error) {
        if (error instanceof UpstreamError)
          await context.sources.update(POLYGON, { problem: oneLine(error) });
        throw error;
      }
    },
  };
}

/** What is said of the pages that an answer becomes. */
export interface PageOptions {
  /** The pages cover their blocks. */
  readonly covers: boolean;
  /** What is stored of the blocks is compared with the page. */
  readonly compares: boolean;
  /** The blocks are to be read again. */
  readonly unsettled: boolean;
  readonly priority?: number;
}

/** Adds an answer as durable `orders` jobs, cut between blocks. */
export async function addPages(
  context: WorkerContext,
  jobId: string,
  answer: LogsPage,
  { covers, compares, unsettled, priority }: PageOptions,
): Promise<void> {
  const fetchedAt = Date.now();
  for (const page of pagesOf(answer)) {
    if (!covers && !compares && page.logs.length === 0) continue;
    const { from, to, logs, blocks } = page;
    await addPage(
      context,
      { name: 'page', fetchId: `${jobId}-${from}`, priority },
      {
        source: POLYGON,
        fetchedAt,
        records: logs,
        range: covers ? { from: { position: from, id: '' }, to: { position: to, id: '' } } : null,
        ...(unsettled ? { unsettled: { from, to: to - 1 } } : {}),
        ...(compares ? { blocks } : {}),
      },
    );
  }
}

type Page = Pick<LogsPage, 'from' | 'to'> & {
  readonly logs: Record<string, unknown>[];
  readonly blocks: BlockStamp[];
};

function pagesOf({ from, to, logs, blocks }: LogsPage): Page[] {
  const cuts: { readonly to: number; readonly end: number }[] = [];
  let first = 0;
  for (let index = 1; index < logs.length; index++) {
    const block = blockOf(logs[index]);
    if (index - first >= PAGE_EVENTS && block !== blockOf(logs[index - 1])) {
      cuts.push({ to: block, end: index });
      first = index;
    }
  }
  cuts.push({ to, end: logs.length });
  return cuts.map((cut, index) => {
    const before = cuts[index - 1] ?? { to: from, end: 0 };
    return {
      from: before.to,
      to: cut.to,
      logs: logs.slice(before.end, cut.end),
      blocks: blocks.filter(({ number }) => number >= before.to && number < cut.to).map(stampOf),
    };
  });
}

/** What a page says of a block. */
export function stampOf({ number, hash, timestamp }: BlockRef): BlockStamp {
  return { number, hash, timestamp };
}

function blockOf(log: Readonly<Record<string, unknown>> | undefined): number {
  return Number(log?.['blockNumber']);
}
