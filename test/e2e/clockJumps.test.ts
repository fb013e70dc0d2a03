import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { makeWorld, startWorkerProcess, untilComplete, untilCount } from '../support/pipeline.ts';
import { temporaryFolder } from '../support/processes.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';

const HOUR_MS = 3_600_000;

test('a clock that jumps an hour ahead and back: new events land within seconds, and the result is exact', async () => {
  const recording = makeRecording({ events: 6_000, seed: 31, bursts: 0 });
  const middle = recording.from + Math.floor((recording.to - recording.from) / 2);
  const early = recording.rows.filter((row) => Number(row['timestamp']) <= middle);
  const { environment, database, upstream } = await makeWorld({ ...recording, rows: early });
  const clock = join(temporaryFolder(), 'clock');
  const jump = (ms: number) => writeFileSync(clock, String(ms));
  jump(0);
  const preload = pathToFileURL('test/support/shiftedClock.mjs').href;
  await startWorkerProcess({ ...environment, CLOCK_FILE: clock, NODE_OPTIONS: `--import ${preload}` });
  await untilCount(database, 'SELECT count() > 100 AS n FROM order_events', 1, 30_000);

  jump(HOUR_MS);
  // The schedules are an hour ahead with the clock.
  const ticks = new RedisWorld(environment).queues.get('ticks');
  const farthest = async () => {
    const next = (await ticks.getJobSchedulers()).map((scheduler) => scheduler.next ?? 0);
    return Math.min(...next) - Date.now();
  };
  await expect.poll(farthest, { timeout: 45_000, interval: 100 }).toBeGreaterThan(HOUR_MS / 2);
  jump(0);

  const back = Date.now();
  upstream.addEvents(recording.rows.filter((row) => !early.includes(row)));
  await untilComplete(database, recording, 60_000);
  // Seconds where nothing else runs; an hour without the repair.
  expect(Date.now() - back).toBeLessThan(40_000);
  await expectExactly(database, recording);
  await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 20_000);
}, 150_000);
