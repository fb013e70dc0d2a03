import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../src/base/errors.ts';
import type { Database } from '../../src/store/clickhouse.ts';
import { compare, type Comparison } from './compare.ts';
import type { Expected } from './source.ts';

const POLL_MS = 1_000;
/** Equal counts are no proof, nor are other ones: everything is compared this often at least, in milliseconds. */
const COMPARE_EVERY_MS = 15_000;

export interface Outcome {
  readonly comparison: Comparison;
  /** Milliseconds until it was exact; undefined when it never was. */
  readonly exactAfterMs: number | undefined;
  /** How often it was exact, and then not any more. */
  readonly relapses: number;
}

export interface WaitOptions {
  readonly waitMs: number;
  /** It has to stay exact for this long: nothing that is still under way may change it. */
  readonly stayMs: number;
  readonly signal: AbortSignal;
}

/** Waits until the tables hold exactly what is expected, and go on doing so. */
export async function untilExact(
  database: Database,
  expected: Expected,
  { waitMs, stayMs, signal }: WaitOptions,
): Promise<Outcome> {
  const startedAt = performance.now();
  const since = () => performance.now() - startedAt;
  let comparedAt = -Infinity;
  let exactAfterMs: number | undefined;
  let relapses = 0;
  for (;;) {
    signal.throwIfAborted();
    const isLast = since() >= waitMs;
    if (isLast || since() - comparedAt >= COMPARE_EVERY_MS || (await countsAreRight(database, expected))) {
      comparedAt = since();
      const comparison = await compareIfAnswered(database, expected, isLast);
      const isExact = comparison?.isExact === true;
      if (exactAfterMs !== undefined && !isExact) {
        relapses++;
        exactAfterMs = undefined;
      }
      if (isExact) exactAfterMs ??= since();
      const hasStayed = exactAfterMs !== undefined && since() - exactAfterMs >= stayMs;
      if (comparison !== undefined && (isLast || hasStayed)) return { comparison, exactAfterMs, relapses };
    }
    // The whole is compared at its first moment, and once more at the end of the time that it has to stay so.
    await sleep(exactAfterMs === undefined ? POLL_MS : stayMs, undefined, { signal });
  }
}

async function countsAreRight(database: Database, expected: Expected): Promise<boolean> {
  const counts = `SELECT (SELECT count() FROM order_events) AS events, (SELECT count() FROM quarantine) AS quarantined,
    (SELECT count() FROM trades WHERE market_id = '') AS unlabelled, (SELECT count() FROM coverage_gaps) AS gaps`;
  const unlabelled = [...expected.trades.values()].filter((line) => line.split('|')[2] === '').length;
  try {
    const [row] = await database.rows<Record<string, string>>(counts);
    return (
      Number(row?.['events']) === expected.orderEvents.size &&
      Number(row?.['quarantined']) >= expected.quarantine.size &&
      Number(row?.['unlabelled']) === unlabelled &&
      Number(row?.['gaps']) === 0
    );
  } catch (error) {
    // ClickHouse may just be starting again.
    if (error instanceof AppError) return false;
    throw error;
  }
}

async function compareIfAnswered(
  database: Database,
  expected: Expected,
  isLast: boolean,
): Promise<Comparison | undefined> {
  try {
    return await compare(database, expected);
  } catch (error) {
    if (error instanceof AppError && !isLast) return undefined;
    throw error;
  }
}
