import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Database } from '../../src/store/clickhouse.ts';
import { BatchingWriter, type WriterOptions } from '../../workers/writes.ts';

/** What the writer does after an insert that is not full: it rests until ten times as long as it took have passed. */
const REST = 10;
const LINGER_MS = 10;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Insert {
  /** Milliseconds since the test began. */
  readonly at: number;
  readonly rows: readonly string[];
}

/** A writer on a clock that stands still, and the inserts it makes; each takes that many milliseconds. */
function writerWith(options: Partial<WriterOptions> & { readonly takesMs: number }) {
  const began = performance.now();
  const inserts: Insert[] = [];
  const database = {
    insertLines: async (_table: string, _columns: readonly string[], chunks: readonly string[]) => {
      inserts.push({ at: performance.now() - began, rows: chunks.join('').split('\n').slice(0, -1) });
      await new Promise((resolve) => setTimeout(resolve, options.takesMs));
    },
  } as unknown as Database;
  const writer = new BatchingWriter(database, { batchRows: 1_000, maxWaitMs: 1_000, ...options });
  let done = 0;
  const write = (name: string, rows = 1) => {
    const lines = Array.from({ length: rows }, () => `${name}\n`).join('');
    const payload = { rows: { quarantine_versions: { count: rows, lines } }, coverage: [] };
    void writer.write(payload).then(() => done++);
  };
  return { write, inserts, done: () => done };
}

const pass = async (ms: number) => await vi.advanceTimersByTimeAsync(ms);

test('a writer that has rested writes at once, and what comes together in one insert', async () => {
  const { write, inserts, done } = writerWith({ takesMs: 20 });
  write('a');
  await pass(LINGER_MS - 1);
  write('b');
  await pass(1);
  expect(inserts).toEqual([{ at: LINGER_MS, rows: ['a', 'b'] }]);
  expect(done()).toBe(0);
  await pass(20);
  expect(done()).toBe(2);
});

test('after an insert what comes is held until ten times as long as it took have passed, and goes together', async () => {
  const { write, inserts } = writerWith({ takesMs: 20 });
  write('a');
  await pass(LINGER_MS + 5);
  write('during the insert');
  await pass(95);
  write('b');
  await pass(80);
  write('c');
  await pass(600);
  write('d');
  await pass(600);
  expect(inserts).toEqual([
    { at: LINGER_MS, rows: ['a'] },
    { at: LINGER_MS + 20 * REST, rows: ['during the insert', 'b', 'c'] },
    { at: 790 + LINGER_MS, rows: ['d'] },
  ]);
});

test('nothing is held for longer than the wait that is set, however slow inserts are', async () => {
  const { write, inserts } = writerWith({ takesMs: 400 });
  write('a');
  await pass(LINGER_MS + 500);
  write('b');
  await pass(2_000);
  expect(inserts.map(({ at }) => at)).toEqual([LINGER_MS, LINGER_MS + 1_000]);
});

test('what came during an insert that took longer than the wait goes right after it', async () => {
  const { write, inserts } = writerWith({ takesMs: 5_000 });
  write('a');
  await pass(100);
  write('b');
  await pass(10_000);
  expect(inserts.map(({ at }) => at)).toEqual([LINGER_MS, 5_000 + 2 * LINGER_MS]);
});

test('enough rows wait for no rest, and neither do as many jobs as can be held', async () => {
  const { write, inserts } = writerWith({ takesMs: 20, batchRows: 100, mostHeld: 3 });
  write('a', 100);
  await pass(30);
  write('b', 50);
  await pass(1);
  write('c', 50);
  await pass(30);
  for (const name of ['d', 'e', 'f']) write(name);
  await pass(0);
  expect(inserts.map(({ at, rows }) => [at, rows.length])).toEqual([
    [0, 100],
    [31, 100],
    [61, 3],
  ]);
});

test('without a wait every job goes at once', async () => {
  const { write, inserts } = writerWith({ takesMs: 20, maxWaitMs: 0 });
  write('a');
  await pass(21);
  write('b');
  await pass(1);
  expect(inserts).toHaveLength(2);
});
