import type { Redis } from 'ioredis';
import type { Config, OrderSource } from '../base/config.ts';
import { oneLine } from '../base/errors.ts';
import type { Database } from '../store/clickhouse.ts';
import { isPageQueue } from '../../queues/backlog.ts';
import { Breakers, type Api, type BreakerState } from '../../queues/breaker.ts';
import { QUEUE_NAMES, type QueueName } from '../../queues/catalogue.ts';
import type { Queues } from '../../queues/producer.ts';
import { SourceStates, type SourceState } from '../../queues/sourceState.ts';
import { apiProblem, apiStatus, askedApis, readBreakers, type ApiStatus } from './apiStatus.ts';
import { backlogStatus, readRedisUse, type BacklogStatus, type RedisUse } from './backlogStatus.ts';
import { readQueues, type QueueCounts, type QueueStatus } from './queueStatus.ts';
import { Refreshed } from './refreshed.ts';
import type { ServiceCheck } from './services.ts';
import { readProgress, recountProblem, sourceStatus, type SourceStatus } from './sourceStatus.ts';
import { TableCounts, type CountedTable } from './tableCounts.ts';
import { withinTime } from './withinTime.ts';

/** Milliseconds given to the reads after a service has answered its check. */
const READ_MS = 800;
/** The same for counts while some table has none yet: an unknown number is worth the wait. */
const FIRST_COUNT_MS = 1_500;
/** Requests that come this close together are given the same answer. */
const SHARE_MS = 250;

/** What `/api/status` gives. null stands where a number could not be read yet, never for zero. */
export interface Status {
  readonly queues: Record<QueueName, { readonly [State in keyof QueueCounts]: number | null }>;
  readonly sources: Partial<Record<OrderSource, SourceStatus>>;
  readonly apis: Partial<Record<Api, ApiStatus>>;
  readonly tables: Record<CountedTable, number | null>;
  /** Seconds that the oldest waiting job of a queue has waited; null when none waits. */
  readonly oldestWaitingSeconds: Record<QueueName, number | null>;
  /** Jobs ever left in `failed`. */
  readonly failedEver: Record<QueueName, number | null>;
  readonly backlog: BacklogStatus;
  readonly services: { readonly redis: boolean; readonly clickhouse: boolean };
  /** One line each for what a person should look at. Numbers of a service that is away are the last known ones. */
  readonly problems: readonly string[];
  /** ISO 8601. */
  readonly generatedAt: string;
}

export interface StatusParts {
  readonly config: Config;
  readonly redis: Redis;
  readonly queues: Queues;
  /** For reads that may take long. */
  readonly database: Database;
  readonly redisCheck: ServiceCheck;
  readonly clickhouseCheck: ServiceCheck;
}

/** Gathers the state of the pipeline; answers within about 2 s, with the last known numbers where it has to. */
export class StatusReader {
  readonly #parts: StatusParts;
  readonly #sourceStates: SourceStates;
  readonly #breakers: Breakers;
  readonly #tables: TableCounts;
  readonly #progress: Refreshed<Awaited<ReturnType<typeof readProgress>>>;
  #queues: ReadonlyMap<QueueName, QueueStatus> | undefined;
  #states: ReadonlyMap<OrderSource, SourceState> | undefined;
  #apis: ReadonlyMap<Api, BreakerState> | undefined;
  #redisUse: RedisUse | undefined;
  #shared: { readonly status: Promise<Status>; readonly until: number } | undefined;

  constructor(parts: StatusParts) {
    this.#parts = parts;
    this.#sourceStates = new SourceStates(parts.redis, parts.config.redis.prefix);
    this.#breakers = new Breakers(parts.redis, parts.config.redis.prefix);
    this.#tables = new TableCounts(parts.database);
    this.#progress = new Refreshed(() => readProgress(parts.database));
  }

  async read(): Promise<Status> {
    if (this.#shared === undefined || performance.now() > this.#shared.until) {
      const shared = { status: this.#read(), until: Infinity };
      this.#shared = shared;
      try {
        await shared.status;
      } finally {
        shared.until = performance.now() + SHARE_MS;
      }
    }
    return await this.#shared.status;
  }

  async #read(): Promise<Status> {
    const [redisProblem, clickhouseProblem] = await Promise.all([this.#readRedis(), this.#readClickhouse()]);
    const now = Date.now();
    const { config } = this.#parts;
    const sources = config.orderSources.map((source) => {
      const facts = {
        config,
        progress: this.#progress.latest,
        state: this.#states?.get(source),
        eventsPerSecond: this.#tables.rates.of(source),
        now,
      };
      return [source, sourceStatus(source, facts)] as const;
    });
    const apis = askedApis(config).map((api) => [api, apiStatus(this.#apis?.get(api))] as const);
    // What goes wrong with a source then is what its API does.
    const openApis = new Set<string>(apis.flatMap(([api, { state }]) => (state === 'open' ? [api] : [])));
    const backlog = backlogStatus(this.#redisUse, config);
    return {
      queues: perQueue((name) => this.#queues?.get(name)?.counts ?? NO_COUNTS),
      sources: Object.fromEntries(sources),
      apis: Object.fromEntries(apis),
      tables: this.#tables.latest(),
      oldestWaitingSeconds: perQueue((name) => {
        const since = this.#queues?.get(name)?.oldestWaitingSince;
        return since === undefined ? null : Math.max(0, Math.round((now - since) / 1000));
      }),
      failedEver: perQueue((name) => this.#queues?.get(name)?.failedEver ?? null),
      backlog,
      services: { redis: redisProblem === undefined, clickhouse: clickhouseProblem === undefined },
      problems: [
        ...(redisProblem === undefined ? [] : [redisProblem]),
        ...(clickhouseProblem === undefined ? this.#readProblems() : [clickhouseProblem]),
        ...apis.flatMap(([api, status]) => apiProblem(api, status) ?? []),
        ...sources.flatMap(([source, { problem }]) =>
          problem === null || openApis.has(source) ? [] : [`${source}: ${problem}`],
        ),
        ...sources.flatMap(([source, status]) => recountProblem(source, status) ?? []),
        ...(backlog.pauseReason === null ? [] : [`Fetching pauses: ${backlog.pauseReason}.`]),
        ...this.#failedJobs(),
      ],
      generatedAt: new Date(now).toISOString(),
    };
  }

  async #readRedis(): Promise<string | undefined> {
    const problem = await this.#parts.redisCheck.problem();
    if (problem !== undefined) return problem;
    const { config, queues, redis } = this.#parts;
    try {
      const [queueStatus, states, apis, redisUse] = await withinTime(
        Promise.all([
          readQueues(queues, redis),
          Promise.all(
            config.orderSources.map(
              async (source) => [source, await this.#sourceStates.read(source)] as const,
            ),
          ),
          readBreakers(this.#breakers, config),
          readRedisUse(redis, queues),
        ]),
        READ_MS,
        'queue counts from Redis',
      );
      this.#queues = queueStatus;
      this.#states = new Map(states);
      this.#apis = apis;
      this.#redisUse = redisUse;
      return undefined;
    } catch (error) {
      return `Redis answers, but its queues could not be read: ${oneLine(error)}.`;
    }
  }

  async #readClickhouse(): Promise<string | undefined> {
    const problem = await this.#parts.clickhouseCheck.problem();
    if (problem !== undefined) return problem;
    const refreshed = Promise.all([this.#progress.refresh(), this.#tables.refresh()]);
    // Counts that take longer go on in the background and are there for a later request.
    const unknown = Object.values(this.#tables.latest()).includes(null);
    await withinTime(refreshed, unknown ? FIRST_COUNT_MS : READ_MS, 'counts').catch(() => undefined);
    return undefined;
  }

  #readProblems(): string[] {
    return [
      ...new Set([
        ...(this.#progress.problem === undefined ? [] : [this.#progress.problem]),
        ...this.#tables.problems(),
      ]),
    ];
  }

  #failedJobs(): string[] {
    return QUEUE_NAMES.flatMap((name) => {
      const failed = this.#queues?.get(name)?.counts.failed ?? 0;
      if (failed === 0) return [];
      const [jobs, itself] = failed === 1 ? ['job is', 'itself'] : ['jobs are', 'themselves'];
      const outlook = isPageQueue(name) ? `tried again by ${itself}` : 'later ones make up for it';
      return [`${failed} ${jobs} left in failed in ${name}: ${outlook}, or retry now on the job board.`];
    });
  }
}

const NO_COUNTS = { waiting: null, active: null, delayed: null, failed: null, completed: null };

function perQueue<T>(value: (name: QueueName) => T): Record<QueueName, T> {
  return Object.fromEntries(QUEUE_NAMES.map((name) => [name, value(name)])) as Record<QueueName, T>;
}
