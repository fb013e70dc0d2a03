import { createHash } from 'node:crypto';
import { parseMarket } from '../src/domain/parseMarket.ts';
import { encodeRows } from '../src/store/batch.ts';
import { storedContentHashes } from '../src/store/markets.ts';
import { marketRow, marketTokenRows } from '../src/store/tables.ts';
import type { WorkerContext } from './context.ts';
import { quarantined } from './quarantine.ts';
import type { Processor } from './register.ts';

export const GAMMA = 'gamma';

/** Turns a page of market objects into rows. Markets that are stored just so already are passed over. */
export function markets(context: WorkerContext): Processor<'markets'> {
  return async ({ records, fetchedAt }, { job }) => {
    const refused: string[] = [];
    const parsed = records.flatMap((record) => {
      const result = parseMarket(record);
      if (!result.ok) {
        refused.push(quarantined(GAMMA, result.reason, record, fetchedAt));
        return [];
      }
      const raw = JSON.stringify(record);
      const contentHash = createHash('sha256').update(raw).digest('hex').slice(0, 32);
      return [{ market: result.market, raw, contentHash }];
    });
    const stored = await storedContentHashes(
      context.database,
      parsed.map(({ market }) => market.id),
    );
    const changed = parsed.filter(({ market, contentHash }) => stored.get(market.id) !== contentHash);
    if (changed.length > 0 || refused.length > 0) {
      await context.queues.add(
        'writes',
        'markets',
        {
          rows: {
            market_versions: encodeRows(
              changed.map(({ market, raw, contentHash }) => marketRow(market, raw, contentHash, fetchedAt)),
            ),
            market_token_versions: encodeRows(
              changed.flatMap(({ market }) => marketTokenRows(market, fetchedAt)),
            ),
            quarantine_versions: encodeRows(refused),
          },
          coverage: [],
        },
        { jobId: `w-${job.id ?? ''}` },
      );
    }
    return { markets: records.length, changed: changed.length, quarantined: refused.length };
  };
}
