import { expect, test } from 'vitest';
import { WritePace } from '../../workers/writePace.ts';

test('time doubles while a server answers too late, up to four minutes, and comes back with its speed', () => {
  const pace = new WritePace(5_000);
  const times = Array.from({ length: 5 }, () => {
    pace.failed(true);
    return pace.insertMs;
  });
  expect(times).toEqual([60_000, 120_000, 240_000, 240_000, 240_000]);
  // It keeps what a slow server needs: the next insert shall not run out of time again.
  pace.worked(50_000);
  expect(pace.insertMs).toBe(100_000);
  pace.worked(800);
  expect(pace.insertMs).toBe(30_000);
});

test('a server that hangs is not given more time: its return shall be noticed soon', () => {
  const pace = new WritePace(5_000);
  for (let index = 0; index < 10; index++) pace.failed(false);
  expect(pace.insertMs).toBe(30_000);
});

test('inserts get smaller down to one job while they fail, and large again with each that works', () => {
  const pace = new WritePace(100);
  const rows = Array.from({ length: 8 }, () => {
    pace.failed(false);
    return pace.rows;
  });
  expect(rows).toEqual([50, 25, 12, 6, 3, 1, 1, 1]);
  for (let index = 0; index < 7; index++) pace.worked(10);
  expect(pace.rows).toBe(100);
});
