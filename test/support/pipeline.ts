import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { Database } from '../../src/store/clickhouse.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { RecordedExchange } from '../../src/simulator/recorded.ts';
import { QUEUE_NAMES, type QueueName } from '../../queues/catalogue.ts';
import { runWorkers } from '../../workers/run.ts';
import { testConfig, testEnvironment, type Environment } from './world.ts';
import { runProgram, type RunningProgram } from './processes.ts';
import type { Recording } from './recording.ts';

export interface World {
  readonly environment: Environment;
  readonly database: Database;
  readonly simulator: Simulator;
  readonly upstream: RecordedExchange;
}

/** A simulator that serves the recording, and settings that point at it. Ended with the test. */
export async function makeWorld(
  recording: Pick<Recording, 'rows' | 'markets' | 'from'>,
  overrides: Environment = {},
): Promise<World> {
  const upstream = new RecordedExchange({ events: recording.rows, markets: recording.markets });
  const simulator = await startSimulator({ upstream });
  const environment = testEnvironment({
    GAMMA_URL: simulator.gammaUrl,
    GOLDSKY_URL: simulator.goldskyUrl,
    GOLDSKY_START: String(recording.from),
    ...overrides,
  });
  const database = new Database(testConfig(environment).clickhouse);
  onTestFinished(async () => {
    await simulator.close();
    await database.close();
  });
  return { environment, database, simulator, upstream };
}

/** Workers of all queues, or of some, in this process; stopped when the test ends. */
export function startWorkersHere(
  environment: Environment,
  queues: readonly QueueName[] = QUEUE_NAMES,
): { stop: () => Promise<void> } {
  const controller = new AbortController();
  const done = runWorkers(testConfig(environment), queues, controller.signal);
  const stop = async () => {
    controller.abort();
    await done;
  };
  onTestFinished(stop);
  return { stop };
}

/** One worker process, ready. */
export async function startWorkerProcess(
  environment: Environment,
  args: readonly string[] = [],
): Promise<RunningProgram> {
  const program = runProgram('workers/main.ts', args, { env: { ...environment, LOG_LEVEL: 'info' } });
  await program.said('Working on');
  return program;
}

/** Waits until a query gives the wanted number; fails with the last one after the time. */
export async function untilCount(
  database: Database,
  query: string,
  wanted: number,
  timeoutMs: number,
): Promise<void> {
  const start = Date.now();
  let last = -1;
  let problem: unknown;
  while (Date.now() - start < timeoutMs) {
    try {
      const rows = await database.rows<{ n: string }>(query);
      last = Number(rows[0]?.n);
      problem = undefined;
      if (last === wanted) return;
    } catch (error) {
      // The tables may not be there yet, or ClickHouse is away: part of some tests.
      problem = error;
    }
    await sleep(100);
  }
  if (problem instanceof Error) throw problem;
  expect(last, `${query} after ${timeoutMs} ms`).toBe(wanted);
}

/** Waits until everything expected has arrived and been labelled; what must not be there is checked afterwards. */
export async function untilComplete(
  database: Database,
  { expected }: Recording,
  timeoutMs: number,
): Promise<void> {
  await untilCount(database, 'SELECT count() AS n FROM order_events', expected.orderEvents.size, timeoutMs);
  const unlabelled = [...expected.trades.values()].filter((line) => line.split('|')[2] === '').length;
  await untilCount(database, `SELECT count() AS n FROM trades WHERE market_id = ''`, unlabelled, timeoutMs);
  await untilCount(database, 'SELECT count() AS n FROM quarantine', expected.quarantine.size, timeoutMs);
}
