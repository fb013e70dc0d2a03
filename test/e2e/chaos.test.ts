import { expect, test } from 'vitest';
import type { Database } from '../../src/store/clickhouse.ts';
import { compare } from '../chaos/compare.ts';
import { GROUPS } from '../chaos/fault.ts';
import { runChaos } from '../chaos/run.ts';
import type { Expected } from '../chaos/source.ts';

const RUNS = [
  { source: 'goldsky', seed: 20, durationMs: 15_000 },
  { source: 'polygon', seed: 21, durationMs: 15_000 },
] as const;

test.for(RUNS)(
  'everything fails at once for a while, and nothing of $source is lost, nothing twice',
  { timeout: 240_000 },
  async ({ source, seed, durationMs }, { signal }) => {
    const lines: string[] = [];
    const passed = await runChaos({
      source,
      seed,
      durationMs,
      groups: new Set(GROUPS),
      pace: 1.5,
      deepestReorgS: 10,
      waitMs: 120_000,
      stayMs: 3_000,
      signal,
      say: (line) => void lines.push(line),
      inspect: noticesWhatIsWrong,
    });
    expect(passed, lines.join('\n')).toBe(true);
  },
);

/** One row too few, one too many, one label that is wrong: each is noticed in the very tables that have just passed. */
async function noticesWhatIsWrong(database: Database, expected: Expected): Promise<void> {
  const [lost = '', unwanted = '', mislabelled = ''] = expected.trades.keys();
  const line = expected.orderEvents.get(lost) ?? '';
  expected.orderEvents.set('0xlost', line.replace(lost, '0xlost'));
  expected.orderEvents.delete(unwanted);
  expected.trades.set(mislabelled, `${expected.trades.get(mislabelled)}x`);
  const [events, trades, quarantine] = (await compare(database, expected)).tables;
  expect(events).toMatchObject({ missing: ['0xlost'], extra: [unwanted], twice: [], different: [] });
  expect(trades).toMatchObject({ missing: [], extra: [], twice: [], different: [{ id: mislabelled }] });
  expect(quarantine).toMatchObject({ missing: [], extra: [], twice: [] });
}
