import { expect, test } from 'vitest';
import { makeWorld, startWorkersHere, untilComplete, untilCount } from '../support/pipeline.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';

test('an empty answer while more is known to be there is not taken for the end, nor for covered time', async () => {
  const recording = makeRecording({ events: 6_000, seed: 31, bursts: 1 });
  const { environment, database, simulator } = await makeWorld(recording);
  const { goldsky } = simulator.control;
  goldsky.latencyMs = 150;
  startWorkersHere(environment);
  await untilCount(database, 'SELECT count() >= 1000 AS n FROM order_events', 1, 60_000);
  goldsky.failNext(4, { kind: 'empty' });
  const redis = new RedisWorld(environment);
  await expect.poll(() => redis.problem('goldsky'), { timeout: 10_000 }).toMatch(/that it gave before/);
  await untilComplete(database, recording, 60_000);
  await expectExactly(database, recording);
  expect(await database.rows('SELECT * FROM coverage_gaps')).toEqual([]);
}, 120_000);

test('an empty answer to the very first request is asked for again before it is believed', async () => {
  const recording = makeRecording({ events: 1_500, seed: 32, bursts: 0 });
  const { environment, database, simulator } = await makeWorld(recording);
  simulator.control.goldsky.failNext(2, { kind: 'empty' });
  startWorkersHere(environment);
  await untilComplete(database, recording, 60_000);
  await expectExactly(database, recording);
}, 120_000);
