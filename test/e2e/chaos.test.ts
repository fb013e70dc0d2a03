import { expect, test } from 'vitest';
import type { Database } from '../../src/store/clickhouse.ts';
import { compare } from '../chaos/compare.ts';
import { GROUPS } from '../chaos/fault.ts';
import type { Ledger } from '../chaos/ledger.ts';
import { runChaos } from '../chaos/run.ts';

const SEED = 20;

test('everything fails at once for a while, and nothing is lost, nothing twice', async ({ signal }) => {
  const lines: string[] = [];
  const passed = await runChaos({
    seed: SEED,
    durationMs: 25_000,
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
}, 240_000);

/** One row too few, one too many, one label that is wrong: each is noticed in the very tables that have just passed. */
async function noticesWhatIsWrong(database: Database, ledger: Ledger): Promise<void> {
  const expected = ledger.expected();
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
