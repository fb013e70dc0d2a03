import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../src/base/errors.ts';
import type { Database } from '../../src/store/clickhouse.ts';

const EVERY_MS = 5_000;
const CAUGHT_UP_S = 15;

/** What a user saw who looked now and then. */
export interface Sightings {
  looks: number;
  /** Moments at which a row was there twice: never allowed. */
  readonly twice: string[];
  /** The furthest that the newest row was behind the upstream once it had caught up with the history, in seconds. */
  worstLagS: number | undefined;
}

/**
 * Looks at the tables while faults happen: a plain SELECT has to be exact at every moment, complete or not. An event that
 * a reorg moved may be there at both of its seconds for a while.
 * @param newest the unix second of the upstream's newest trades
 */
export async function watch(
  database: Database,
  newest: () => number,
  signal: AbortSignal,
): Promise<Sightings> {
  const sightings: Sightings = { looks: 0, twice: [], worstLagS: undefined };
  while (!signal.aborted) {
    await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await look(database, newest(), sightings);
  }
  return sightings;
}

async function look(database: Database, upstream: number, sightings: Sightings): Promise<void> {
  try {
    const [row] = await database.rows<{ n: string; places: string; newest: string }>(
      `SELECT count() AS n, uniqExact(id, timestamp) AS places, toUnixTimestamp(max(timestamp)) AS newest FROM order_events`,
    );
    sightings.looks++;
    const { n, places, newest } = row ?? { n: '0', places: '0', newest: '0' };
    if (n !== places)
      sightings.twice.push(`${new Date().toISOString()}: ${n} rows of ${places} events and seconds`);
    const lagS = upstream - Number(newest);
    if (sightings.worstLagS !== undefined || lagS < CAUGHT_UP_S) {
      sightings.worstLagS = Math.max(sightings.worstLagS ?? 0, lagS);
    }
  } catch (error) {
    // ClickHouse is away or has no tables yet: nobody sees anything then.
    if (!(error instanceof AppError)) throw error;
  }
}
