import type { OrderEvent } from '../src/domain/orderEvent.ts';
import { parseSubgraphEvent } from '../src/domain/parseOrderEvent.ts';
import { toTrade, type Trade } from '../src/domain/trade.ts';
import { encodeRows } from '../src/store/batch.ts';
import { orderEventRow, unlabelledTokenRow } from '../src/store/tables.ts';
import type { OrdersPayload } from '../queues/payloads.ts';
import type { WorkerContext } from './context.ts';
import { quarantined } from './quarantine.ts';
import type { Processor } from './register.ts';

interface ParsedPage {
  readonly events: readonly { readonly event: OrderEvent; readonly trade: Trade | undefined }[];
  /** Quarantine rows of the records that could not be used. */
  readonly refused: readonly string[];
}

/**
 * Turns a page of order events into rows: events with their trades, labels where the market is known, and
 * quarantine. Trades in unknown tokens are stored at once and their tokens marked for look-up and relabelling.
 */
export function orders(context: WorkerContext): Processor<'orders'> {
  const exchanges = new Set(context.config.exchanges);
  return async (payload, { job }) => {
    const { events, refused } = parsePage(payload, exchanges);
    const tokens = new Set(events.flatMap(({ trade }) => (trade === undefined ? [] : [trade.tokenId])));
    const labels = await context.labels.find(tokens);

    const unlabelled = new Set<string>();
    const rows = events.map(({ event, trade }) => {
      const label = trade === undefined ? undefined : labels.get(trade.tokenId);
      if (trade !== undefined && label === undefined) {
        unlabelled.add(unlabelledTokenRow(trade.tokenId, event.timestamp));
      }
      return orderEventRow(event, trade, label, payload.fetchedAt);
    });
    const unknown = [...tokens].filter((token) => !labels.has(token));
    await context.lookups.note(unknown);

    await context.queues.add(
      'writes',
      'orders',
      {
        rows: {
          order_event_versions: encodeRows(rows),
          quarantine_versions: encodeRows(refused),
          unlabelled_token_versions: encodeRows([...unlabelled]),
        },
        coverage:
          payload.range === null
            ? []
            : [
                {
                  source: payload.source,
                  ...payload.range,
                  events: events.length,
                  quarantined: refused.length,
                },
              ],
      },
      { jobId: `w-${job.id ?? ''}` },
    );
    return { events: events.length, quarantined: refused.length, unknownTokens: unknown.length };
  };
}

function parsePage(payload: OrdersPayload, exchanges: ReadonlySet<string>): ParsedPage {
  const events: { event: OrderEvent; trade: Trade | undefined }[] = [];
  const refused: string[] = [];
  for (const record of payload.records) {
    const parsed = parseSubgraphEvent(record, payload.source);
    if (parsed.ok) events.push({ event: parsed.event, trade: toTrade(parsed.event, exchanges) });
    else refused.push(quarantined(payload.source, parsed.reason, record, payload.fetchedAt));
  }
  return { events, refused };
}
