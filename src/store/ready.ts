import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.ts';
import { ClickHouseUnavailable, type Database } from './clickhouse.ts';
import { migrate } from './migrate.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Waits for ClickHouse, then brings the schema up to date. Says once that it waits, not once a try.
 * @throws SchemaError | ClickHouseRefused; the signal's reason when it is aborted
 */
export async function schemaReady(database: Database, logger: Logger, signal: AbortSignal): Promise<void> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
    try {
      const applied = await migrate(database);
      if (applied.length > 0)
        logger.info(`Schema of ${database.name} brought up to date: ${applied.join(', ')}.`);
      return;
    } catch (error) {
      if (!(error instanceof ClickHouseUnavailable)) throw error;
      if (pause === FIRST_PAUSE_MS) logger.warn(`${error.message}: trying again until it does.`);
      await sleep(pause, undefined, { signal });
    }
  }
}
