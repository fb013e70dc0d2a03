import type { Redis } from 'ioredis';
import { displayUrl, type Config } from '../base/config.ts';
import { oneLine } from '../base/errors.ts';
import { ClickHouseRefused, ClickHouseUnavailable, type Database } from '../store/clickhouse.ts';
import { pendingMigrations, readMigrations } from '../store/migrate.ts';
import { TooLate, withinTime } from './withinTime.ts';

/** The longest that one check takes, in milliseconds. */
const CHECK_MS = 1_000;

/** ClickHouse's codes for a database or a table that is not there. */
const NO_DATABASE = 81;
const NO_TABLE = 60;

/** Whether a service answers. One check at a time: a service that hangs must not collect questions. */
export class ServiceCheck {
  readonly #ask: () => Promise<void>;
  readonly #describe: (error: unknown) => string;
  #running: Promise<void> | undefined;

  constructor(ask: () => Promise<void>, describe: (error: unknown) => string) {
    this.#ask = ask;
    this.#describe = describe;
  }

  /** One line for a person when the service is not fit for use; undefined when it is. Takes at most a second. */
  async problem(): Promise<string | undefined> {
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined;
    });
    try {
      await withinTime(this.#running, CHECK_MS, 'answer');
      return undefined;
    } catch (error) {
      return this.#describe(error);
    }
  }
}

export function redisCheck(redis: Redis, url: string): ServiceCheck {
  const away = `Redis does not answer at ${displayUrl(url)}`;
  return new ServiceCheck(
    async () => {
      // A command given while there is no connection would wait in memory, and so would all that come after it.
      if (redis.status !== 'ready') await isReady(redis);
      await redis.ping();
    },
    () => `${away}: queues and jobs cannot be read now.`,
  );
}

/** Waits a moment for a connection that is just being made; rejects when there is none. */
async function isReady(redis: Redis): Promise<void> {
  let onReady: () => void = () => undefined;
  try {
    const ready = new Promise<void>((resolve) => {
      onReady = resolve;
      redis.once('ready', onReady);
    });
    await withinTime(ready, CHECK_MS / 2, 'connection');
  } finally {
    redis.off('ready', onReady);
  }
}

/** Answers, lets us in, and has this program's schema. */
export function clickhouseCheck(database: Database, config: Config['clickhouse']): ServiceCheck {
  const migrations = readMigrations();
  return new ServiceCheck(
    async () => {
      const pending = await pendingMigrations(database, migrations);
      if (pending.length > 0) throw new SchemaBehind();
    },
    (error) => {
      if (error instanceof SchemaBehind || isMissing(error)) {
        return `The schema of ClickHouse's database ${config.database} is not up to date: npm run schema applies it.`;
      }
      if (error instanceof TooLate || error instanceof ClickHouseUnavailable) {
        return `ClickHouse does not answer at ${displayUrl(config.url)}: row counts and coverage cannot be read now.`;
      }
      return oneLine(error);
    },
  );
}

class SchemaBehind extends Error {}

function isMissing(error: unknown): boolean {
  return error instanceof ClickHouseRefused && [NO_DATABASE, NO_TABLE].includes(error.serverCode);
}
