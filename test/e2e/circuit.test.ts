import { expect, onTestFinished, test } from 'vitest';
import { configureLogging } from '../../src/base/log.ts';
import { startDashboard } from '../../src/dashboard/server.ts';
import type { Status } from '../../src/dashboard/status.ts';
import type { ApiControl } from '../../src/simulator/control.ts';
import { PRIORITY } from '../../queues/catalogue.ts';
import { addRecount } from '../../queues/recounts.ts';
import { logLines } from '../support/logLines.ts';
import { makeWorld, startWorkerProcess, untilComplete } from '../support/pipeline.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';
import { testConfig } from '../support/world.ts';

const JOBS = 40;
/** What two replicas may have under way when the breaker opens, the five that open it, and some probes. */
const MOST_REQUESTS = { gamma: 2 * 8 + 5 + 6, goldsky: 2 * 4 + 5 + 6 };
/** The first probe comes within a second of the opening; the second one to two seconds later. */
const AFTER_FIRST_PROBE_MS = 1_500;
const SECOND_PAUSE_MS = 1_000;
const APIS = ['gamma', 'goldsky'] as const;
const WORKS = { state: 'closed', failures: 0, openSince: null, nextProbeInSeconds: null, lastError: null };
const POLL = { timeout: 30_000, interval: 50 };

test('APIs that are down are asked by one probe at a time over all replicas, are said to be, and all lands once they work', async () => {
  const recording = makeRecording({ events: 3_000, seed: 21, bursts: 0 });
  const { environment, database, simulator } = await makeWorld(recording);
  const { control } = simulator;
  for (const api of [control.gamma, control.goldsky]) {
    api.failNext(1_000_000, { kind: 'status', status: 503 });
    // Long enough for requests made side by side to be seen.
    api.latencyMs = 100;
  }
  const { queues } = new RedisWorld(environment);
  for (let n = 0; n < JOBS; n++) {
    await queues.add(
      'fetch.gamma',
      'tokens',
      { kind: 'tokens', tokenIds: [String(n)], closed: false, ledger: 'ctf' },
      { jobId: `look-up-${n}`, priority: PRIORITY.lookup },
    );
    await addRecount(queues, 'goldsky', { from: recording.from, to: recording.from + 10 }, `recount-${n}`);
  }
  const replicas = await Promise.all([startWorkerProcess(environment), startWorkerProcess(environment)]);
  const status = await startStatus(environment);

  const openSince: number[] = [];
  for (const name of APIS) {
    await expect.poll(async () => (await status()).apis[name]?.state, POLL).toBe('open');
    openSince.push(Date.parse((await status()).apis[name]?.openSince ?? ''));
  }
  const said = [/^Gamma has not worked since .*status 503/, /^Goldsky has not worked since .*status 503/].map(
    (line): unknown => expect.stringMatching(line),
  );
  await expect
    .poll(async () => (await status()).problems, POLL)
    .toEqual(expect.arrayContaining(said) as unknown);
  for (const [index, name] of APIS.entries()) {
    const afterFirstProbe = (openSince[index] ?? NaN) + AFTER_FIRST_PROBE_MS;
    await expect.poll(() => arrivals(control[name]).at(-1), POLL).toBeGreaterThan(afterFirstProbe);
    const requests = arrivals(control[name]);
    expect(requests.length).toBeLessThanOrEqual(MOST_REQUESTS[name]);
    const [before = 0, last = 0] = requests.slice(-2);
    expect(last - before).toBeGreaterThanOrEqual(SECOND_PAUSE_MS);
  }

  control.gamma.heal();
  control.goldsky.heal();
  await untilComplete(database, recording, 60_000);
  await expectExactly(database, recording);
  for (const name of APIS) {
    await expect.poll(async () => (await status()).apis[name], POLL).toEqual(WORKS);
  }
  for (const { output } of replicas) {
    const said = logLines(output.stdout).filter(({ code }) => code === 'CIRCUIT_OPEN');
    // Once a queue at most, and by its queue.
    expect(new Set(said.map(({ scope }) => scope)).size).toBe(said.length);
  }
}, 120_000);

/** When its requests came, in milliseconds. */
function arrivals(api: ApiControl): number[] {
  return api.requests.map(({ at }) => at);
}

/** What a dashboard says. */
async function startStatus(environment: Record<string, string>): Promise<() => Promise<Status>> {
  configureLogging('silent');
  const dashboard = await startDashboard(testConfig(environment));
  onTestFinished(dashboard.stop);
  return async () => (await (await fetch(new URL('api/status', dashboard.url))).json()) as Status;
}
