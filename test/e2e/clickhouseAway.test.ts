import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { QUEUE_NAMES } from '../../queues/catalogue.ts';
import { ClickHouseProxy, type Trouble } from '../support/clickhouseProxy.ts';
import { hasStack } from '../support/logLines.ts';
import { makeWorld, startWorkerProcess, untilComplete, untilCount } from '../support/pipeline.ts';
import { runProgram } from '../support/processes.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';

/** One kind of trouble after the other, each met by new events. */
const TROUBLES: readonly (readonly [name: string, make: (proxy: ClickHouseProxy) => Promise<void> | void])[] =
  [
    ['read-only', writesMeet({ kind: 'refuse', code: 164 })],
    ['no space', writesMeet({ kind: 'refuse', code: 243 })],
    ['too many parts', writesMeet({ kind: 'refuse', code: 252 })],
    ['a wrong password', (proxy) => proxy.makeTrouble('everything', { kind: 'refuse', code: 516 })],
    [
      'a gateway without ClickHouse',
      (proxy) => proxy.makeTrouble('everything', { kind: 'page', status: 502 }),
    ],
    ['hanging', (proxy) => proxy.hang()],
    ['slow', writesMeet({ kind: 'slow', ms: 1_000 })],
    ['answers that are lost', writesMeet({ kind: 'cut' })],
    ['away', (proxy) => proxy.down()],
  ];

function writesMeet(trouble: Trouble): (proxy: ClickHouseProxy) => void {
  return (proxy) => proxy.makeTrouble('writes', trouble);
}

test('ClickHouse read-only, full, hanging, slow, away in turn: nothing ends in failed, and all lands exactly', async () => {
  const recording = makeRecording({ events: 6_000, seed: 41, bursts: 0 });
  const slices = inSlices(recording.rows, TROUBLES.length + 1);
  const { environment, database, upstream } = await makeWorld({ ...recording, rows: slices[0] ?? [] });
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const { queues } = new RedisWorld(environment);
  const worker = await startWorkerProcess({ ...environment, CLICKHOUSE_URL: proxy.url });
  await untilCount(database, 'SELECT count() > 100 AS n FROM order_events', 1, 30_000);

  for (const [index, [name, make]] of TROUBLES.entries()) {
    await make(proxy);
    upstream.addEvents(slices[index + 1] ?? []);
    await expect.poll(() => queues.queuedPages(), POLL).toSatisfy(({ onTheirWay }) => onTheirWay > 0);
    // Long enough for several tries of each job.
    await sleep(1_500);
    expect(await queues.queuedPages(), name).toMatchObject({ failed: 0 });
    await proxy.up();
    proxy.heal();
  }

  await untilComplete(database, recording, 60_000);
  await expectExactly(database, recording);
  await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 20_000);
  await expect.poll(() => queues.queuedPages(), POLL).toMatchObject({ onTheirWay: 0 });
  for (const name of QUEUE_NAMES) expect(await queues.get(name).getFailedCount(), name).toBe(0);
  expect(worker.output.stdout).not.toContain('left in failed');
  expect(hasStack(worker.output.stdout)).toBe(false);
  expect(worker.output.stderr).toBe('');
}, 180_000);

test('SIGTERM while ClickHouse hangs: the process ends cleanly, and another one writes what it held', async () => {
  const recording = makeRecording({ events: 4_000, seed: 42 });
  const { environment, database } = await makeWorld(recording);
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const { queues } = new RedisWorld(environment);
  proxy.keepAnswers('order_event_versions');
  const worker = await startWorkerProcess({ ...environment, CLICKHOUSE_URL: proxy.url });
  await expect.poll(() => queues.get('orders').getActiveCount(), POLL).toBeGreaterThan(0);
  proxy.hang();
  await stops(worker);

  proxy.heal();
  await startWorkerProcess(environment);
  await untilComplete(database, recording, 60_000);
  await expectExactly(database, recording);
}, 120_000);

test('SIGTERM while ClickHouse hangs at the start: the process ends cleanly', async () => {
  const { environment } = await makeWorld(makeRecording({ events: 10, bursts: 0 }));
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  proxy.makeTrouble('everything', { kind: 'no answer' });
  const met = proxy.nextTrouble();
  const worker = runProgram('workers/main.ts', [], { env: { ...environment, CLICKHOUSE_URL: proxy.url } });
  await met;
  await stops(worker);
}, 60_000);

const POLL = { timeout: 30_000, interval: 50 };

async function stops(worker: ReturnType<typeof runProgram>): Promise<void> {
  const told = Date.now();
  worker.child.kill('SIGTERM');
  expect(await worker.exited, worker.output.stderr).toEqual({ code: 0, signal: null });
  expect(Date.now() - told).toBeLessThan(20_000);
  expect(worker.output.stderr).toBe('');
}

/** Rows in the order of their seconds, in that many parts; no second is in two of them. */
function inSlices(rows: readonly Record<string, unknown>[], parts: number): Record<string, unknown>[][] {
  const seconds = [...new Set(rows.map((row) => Number(row['timestamp'])))].sort((a, b) => a - b);
  const partOf = new Map(
    seconds.map((second, index) => [second, Math.floor((index * parts) / seconds.length)]),
  );
  return Array.from({ length: parts }, (_, part) =>
    rows.filter((row) => partOf.get(Number(row['timestamp'])) === part),
  );
}
