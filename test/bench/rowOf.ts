import { parseSubgraphEvent } from '../../src/domain/parseOrderEvent.ts';
import type { OrderEvent } from '../../src/domain/orderEvent.ts';
import { toTrade, type TokenLabel } from '../../src/domain/trade.ts';
import { orderEventRow } from '../../src/store/tables.ts';

/**
 * A record of the subgraph as the row that the pipeline makes of it; undefined where it is malformed.
 * @param fetchedAt millisecond at which it was read
 */
export function rowOf(
  record: unknown,
  exchanges: ReadonlySet<string>,
  labels: ReadonlyMap<string, TokenLabel>,
  fetchedAt: (event: OrderEvent) => number,
): string | undefined {
  const parsed = parseSubgraphEvent(record, 'goldsky');
  if (!parsed.ok) return undefined;
  const { event } = parsed;
  const trade = toTrade(event, exchanges);
  const label = trade === undefined ? undefined : labels.get(trade.tokenId);
  return orderEventRow(event, trade, label, fetchedAt(event));
}
