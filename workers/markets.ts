import { createHash } from 'node:crypto';
import type { Market } from '../src/domain/market.ts';
import { parseMarket } from '../src/domain/parseMarket.ts';
import { encodeRows } from '../src/store/batch.ts';
import { answerVersion, storedMarkets, tokensAhead } from '../src/store/markets.ts';
import type { Resolution } from '../src/store/quarantine.ts';
import { rowHash } from '../src/store/rowKey.ts';
import { marketRow, marketTokenRows } from '../src/store/tables.ts';
import type { Payload } from '../queues/catalogue.ts';
import type { WorkerContext } from './context.ts';
import { quarantined, stillQuarantined, type Retried } from './quarantine.ts';
import type { Processor } from './register.ts';

export const GAMMA = 'gamma';

interface Answer {
  readonly market: Market;
  /** The object as it came. */
  readonly raw: string;
  readonly contentHash: string;
  /** Millisecond at which the API gave it. */
  readonly fetchedAt: number;
  readonly retried: Retried | undefined;
}

/**
 * Turns a page of market objects into rows. Markets that are stored just so already, or as a newer answer has them, are
 * passed over.
 */
export function markets(context: WorkerContext): Processor<'markets'> {
  return async (payload, { job }) => {
    const { answers, refused } = parsePage(payload);
    const written = await context.storedPages.written();
    const changed = await versioned(context, answers);
    const marketRows = changed.map(({ market, raw, contentHash, version }) =>
      marketRow(market, raw, contentHash, version),
    );
    const rowOf = new Map(changed.map(({ raw }, index) => [raw, marketRows[index]]));
    const resolved = answers.flatMap(({ raw, retried }): Resolution[] => {
      if (retried === undefined) return [];
      const row = rowOf.get(raw);
      const { hash, receivedAt } = retried;
      return [
        { source: GAMMA, hash, receivedAt, row: row === undefined ? '' : rowHash('market_versions', row) },
      ];
    });
    if (changed.length > 0 || refused.length > 0 || resolved.length > 0) {
      await context.queues.add(
        'writes',
        'markets',
        {
          rows: {
            market_token_versions: encodeRows(
              changed.flatMap(({ market, tokenVersion }) => marketTokenRows(market, tokenVersion)),
            ),
            market_versions: encodeRows(marketRows),
            quarantine_versions: encodeRows(refused),
          },
          coverage: [],
          resolved,
        },
        { jobId: `w-${job.id ?? ''}` },
      );
    } else {
      const ids = answers.map(({ market }) => market.id);
      context.storedPages.note(payload.records, { ids, written });
    }
    return { markets: payload.records.length, changed: changed.length, quarantined: refused.length };
  };
}

function parsePage({ records, fetchedAt, retried }: Payload<'markets'>) {
  const refused: string[] = [];
  const answers: Answer[] = [];
  for (const [index, record] of records.entries()) {
    const again = retried?.[index];
    const result = parseMarket(record);
    if (result.ok) {
      const raw = JSON.stringify(record);
      const contentHash = createHash('sha256').update(raw).digest('hex').slice(0, 32);
      answers.push({
        market: result.market,
        raw,
        contentHash,
        fetchedAt: again?.receivedAt ?? fetchedAt,
        retried: again,
      });
    } else if (again === undefined) {
      refused.push(quarantined(GAMMA, result.reason, record, fetchedAt));
    } else {
      refused.push(...stillQuarantined(GAMMA, result.reason, record, again));
    }
  }
  return { answers, refused };
}

/** The answers that change what is stored, with the versions of their market's row and of its tokens' rows. */
async function versioned(context: WorkerContext, answers: readonly Answer[]) {
  const { database } = context;
  const stored = await storedMarkets(
    database,
    answers.map(({ market }) => market.id),
  );
  const changed = answers.flatMap((answer) => {
    const before = stored.get(answer.market.id);
    if (before?.contentHash === answer.contentHash) return [];
    const version = answerVersion(answer.fetchedAt, before);
    return version === undefined ? [] : [{ ...answer, version }];
  });
  const tokensOf = ({ tokenIds, positionIds }: Market) => [...tokenIds, ...positionIds];
  const ahead = await tokensAhead(
    database,
    changed.flatMap(({ market }) => tokensOf(market)),
  );
  return changed.map((answer) => ({
    ...answer,
    tokenVersion: tokensOf(answer.market).reduce(
      (version, token) => Math.max(version, (ahead.get(token) ?? 0) + 1),
      answer.version,
    ),
  }));
}
