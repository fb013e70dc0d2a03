import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { coveredEnd } from '../../src/store/coverage.ts';
import { processIdentity } from '../../src/embedded/processes.ts';
import { makeWorld, untilComplete, untilCount } from '../support/pipeline.ts';
import { makeRecording } from '../support/recording.ts';
import { Stack, stackSettings } from '../support/stack.ts';
import { expectExactly } from '../support/tables.ts';

/** What is killed with -9, and how many milliseconds after the one before. */
const DEATHS: readonly (readonly [name: string, afterMs: number])[] = [
  ['workers-1', 400],
  ['redis', 900],
  ['clickhouse', 700],
  ['workers-2', 150],
  ['dashboard', 100],
  // While some of them are starting again.
  ['redis', 350],
  ['clickhouse', 1_300],
  ['supervisor', 1_600],
  ['workers-3', 300],
  ['clickhouse', 600],
  ['workers-1', 50],
  ['redis', 800],
  ['dashboard', 10],
  ['workers-2', 900],
  ['clickhouse', 30],
  ['supervisor', 500],
  ['redis', 200],
  ['workers-3', 200],
];

test('kill -9 of every process, the supervisor too, again and again: all of it comes back by itself, the data is exact', async () => {
  const recording = makeRecording({ events: 10_000, seed: 51, bursts: 1 });
  const { environment, database, simulator } = await makeWorld(recording, await stackSettings());
  // So that requests, pages and writes are under way whenever something dies.
  simulator.control.goldsky.latencyMs = 1_500;
  const stack = new Stack(environment);
  await stack.up();
  let killed = 0;
  for (const [name, afterMs] of DEATHS) {
    await sleep(afterMs);
    if (name === 'supervisor') {
      await stack.killSupervisor();
      await stack.up();
    } else if (stack.kill(name)) killed++;
  }
  expect(killed).toBeGreaterThan(8);
  simulator.control.goldsky.latencyMs = 0;

  await untilComplete(database, recording, 90_000);
  await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 60_000);
  await expect
    .poll(async () => (await coveredEnd(database, 'goldsky'))?.position, { timeout: 20_000 })
    .toBe(recording.to);
  await expectExactly(database, recording);
  const health = `http://127.0.0.1:${environment['DASHBOARD_PORT']}/healthz`;
  await expect.poll(() => fetch(health).then(({ status }) => status, String), { timeout: 20_000 }).toBe(200);

  const names = ['redis', 'clickhouse', 'dashboard', 'workers-1', 'workers-2', 'workers-3'];
  const pids = names.map((name) => stack.pid(name) ?? 0);
  await stack.stop();
  expect(pids.filter((pid) => processIdentity(pid) !== undefined)).toEqual([]);
}, 240_000);
