import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.ts';
import { ClickHouseRefused, ClickHouseUnavailable, type Database } from './clickhouse.ts';
import { migrate } from './migrate.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Waits for ClickHouse to be fit for it, then brings the schema up to date.
 * @throws SchemaError | ClickHouseRefused; the signal's reason when it is aborted
 */
export async function schemaReady(database: Database, logger: Logger, signal: AbortSignal): Promise<void> {
  const applied = await onceFit(() => migrate(database), logger, signal);
  if (applied.length > 0)
    logger.info(`Schema of ${database.name} brought up to date: ${applied.join(', ')}.`);
}

/** Does what a start needs of ClickHouse, as soon as that is fit for it. Says once that it waits, not once a try. */
export async function onceFit<T>(work: () => Promise<T>, logger: Logger, signal: AbortSignal): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error)) throw error;
      if (pause === FIRST_PAUSE_MS) logger.warn(`${error.message}: trying again until it does.`);
      await sleep(pause, undefined, { signal });
    }
  }
}

/** A wrong password is not waited out: at a start somebody is there to see the line. */
function isAway(error: unknown): error is Error {
  return (
    error instanceof ClickHouseUnavailable || (error instanceof ClickHouseRefused && error.blame === 'server')
  );
}
