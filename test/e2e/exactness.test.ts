import { expect, test } from 'vitest';
import { coveredEnd } from '../../src/store/coverage.ts';
import { makeWorld, startWorkersHere, untilComplete } from '../support/pipeline.ts';
import { makeRecording } from '../support/recording.ts';
import { expectExactly } from '../support/tables.ts';

test('200,000 events with bursts, dust, odd and malformed records: every row once, every field', async () => {
  const recording = makeRecording({ events: 200_000, bursts: 5, burstSize: 2_300 });
  const { environment, database } = await makeWorld(recording);
  startWorkersHere(environment);
  await untilComplete(database, recording, 240_000);
  await expectExactly(database, recording);

  expect(await database.rows('SELECT * FROM coverage_gaps')).toEqual([]);
  const end = await coveredEnd(database, 'goldsky');
  expect(end?.position).toBe(recording.to);
}, 300_000);
