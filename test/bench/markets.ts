import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { parseMarket } from '../../src/domain/parseMarket.ts';
import { chunksOf } from '../../src/base/chunks.ts';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import type { Database } from '../../src/store/clickhouse.ts';
import { marketTokenRows } from '../../src/store/tables.ts';
import type { TokenLabel } from '../../src/domain/trade.ts';
import type { UpstreamOptions } from './upstream.ts';

const ROWS = 10_000;
/** Of the labels' rows: any answer of the market API is newer. */
const VERSION = 1;

/** Stores the labels of every token of the made exchange, as a pipeline that has read the markets has them. */
export async function storeLabels(
  database: Database,
  exchange: UpstreamOptions['exchange'],
): Promise<Map<string, TokenLabel>> {
  const made = new SimulatedExchange({ ...exchange, now: () => exchange.end * 1000 });
  const labels = new Map<string, TokenLabel>();
  const rows: string[] = [];
  for (const entry of made.markets()) {
    const parsed = parseMarket(entry.object());
    if (!parsed.ok) continue;
    const { market } = parsed;
    rows.push(...marketTokenRows(market, VERSION));
    for (const ids of [market.tokenIds, market.positionIds]) {
      ids.forEach((tokenId, outcomeIndex) => {
        const outcome = market.outcomes[outcomeIndex] ?? '';
        labels.set(tokenId, { marketId: market.id, conditionId: market.conditionId, outcomeIndex, outcome });
      });
    }
  }
  for (const chunk of chunksOf(rows, ROWS)) {
    await writeBatch(database, { rows: { market_token_versions: [encodeRows(chunk)] }, coverage: [] });
  }
  return labels;
}
