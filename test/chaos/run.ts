import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/base/config.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { untilExact, type Outcome } from './completeness.ts';
import { failedJobs } from './failedJobs.ts';
import type { Group } from './fault.ts';
import { runFaults, type FaultCounts } from './faultRun.ts';
import { targetsOf } from './faults/all.ts';
import { findings } from './findings.ts';
import { logTroubles } from './logTroubles.ts';
import { heal, openWorld, type OpenWorld } from './openWorld.ts';
import { reasons, report } from './report.ts';
import { makeSchedule } from './schedule.ts';
import type { Expected, SourceName } from './source.ts';
import { openSource } from './sources.ts';
import { watch, type Sightings } from './watch.ts';

export interface ChaosOptions {
  readonly source: SourceName;
  readonly seed: number;
  /** How long faults happen. */
  readonly durationMs: number;
  readonly groups: ReadonlySet<Group>;
  /** 1: as often as each target says; 2: twice as often. */
  readonly pace: number;
  /** How far back the chain is reorganised, in seconds: what is older is read again less often. */
  readonly deepestReorgS: number;
  /** How long it may take to be exact after the last fault, and how long it has to stay so. */
  readonly waitMs: number;
  readonly stayMs: number;
  /** Keeps the files of a run that passed, too. */
  readonly keep?: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Called when all is compared, before the stack is stopped. */
  readonly inspect?: (database: Database, expected: Expected) => Promise<void>;
}

interface Run {
  readonly faults: FaultCounts;
  readonly outcome: Outcome;
  readonly sightings: Sightings;
  readonly failedJobs: Readonly<Record<string, number>>;
}

/**
 * Runs the pipeline while everything around it fails, heals it all, and compares what is stored with what the upstream
 * has. Says each fault as it happens and a table at the end; nothing is left running, whatever happens.
 * @returns whether it passed
 */
export async function runChaos(options: ChaosOptions): Promise<boolean> {
  const { seed, groups, say } = options;
  const dataDir = mkdtempSync(join(tmpdir(), 'chaos-'));
  say(`Source ${options.source}, seed ${seed}, faults: ${[...groups].join(', ')}. Files: ${dataDir}`);
  let passed = false;
  try {
    const source = openSource(options.source, { ...options, withTrouble: groups.has('records') });
    const world = await openWorld({ source, dataDir, say });
    let run: Run;
    try {
      run = await runIn(world, options);
    } catch (error) {
      await world.close();
      throw error;
    }
    const end = await world.close();
    const results = { seed, ...run, end, counts: source.counts() };
    for (const line of [...logTroubles(dataDir), ...report(results)]) say(line);
    passed = reasons(results).length === 0;
  } finally {
    if ((passed || options.signal.aborted) && options.keep !== true) {
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    } else {
      say(`Files and logs are kept: ${dataDir}`);
    }
  }
  return passed;
}

async function runIn(world: OpenWorld, options: ChaosOptions): Promise<Run> {
  const { signal, say, durationMs } = options;
  const { source, stack } = world;
  const { clickhouse } = loadConfig(world.env);
  const database = new Database(clickhouse, { requestTimeoutMs: 30_000 });
  const watching = new AbortController();
  try {
    source.start();
    await stack.start(signal);
    signal.throwIfAborted();
    say(`The stack is up. Dashboard: ${world.dashboardUrl}  ClickHouse: ${world.clickhouseUrl}`);
    const watched = watch(database, () => source.newest(), watching.signal);
    const plans = makeSchedule(targetsOf(options.groups, source.targets), options);
    const faults = await runFaults(plans, world, AbortSignal.any([signal, AbortSignal.timeout(durationMs)]));
    signal.throwIfAborted();
    heal(world);
    say('All faults are over.');
    const expected = source.expected();
    const outcome = await untilExact(database, expected, options);
    if (!outcome.comparison.isExact) {
      for (const line of await findings(database, source, outcome.comparison)) say(line);
    }
    await options.inspect?.(database, expected);
    watching.abort();
    const sightings = await watched;
    return { faults, outcome, sightings, failedJobs: await failedJobs(world.redisUrl, '{polymarket}') };
  } finally {
    watching.abort();
    await database.close();
  }
}
