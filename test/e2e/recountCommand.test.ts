import { expect, test } from 'vitest';
import { endedCommand } from '../support/commands.ts';
import { exampleToken, exampleTrade } from '../support/examples.ts';
import { expectedEvent, expectedTrade, type Row } from '../support/madeEvents.ts';
import { makeWorld, startWorkerProcess, untilComplete } from '../support/pipeline.ts';
import { makeRecording } from '../support/recording.ts';
import { expectExactly } from '../support/tables.ts';
import { testEnvironment } from '../support/world.ts';

test('recount: finds rows that were deleted or changed behind its back, writes what is missing, and then agrees', async () => {
  const recording = makeRecording({ events: 6_000, seed: 41, bursts: 1, burstSize: 2_500 });
  // Much later than all others: what is young is read again anyway.
  const late = exampleTrade({ token: exampleToken('late', 0), second: recording.to + 700 }) as Row;
  recording.rows.push(late);
  recording.expected.orderEvents.set(late.id, expectedEvent({ row: late, label: undefined }));
  recording.expected.trades.set(late.id, expectedTrade({ row: late, label: undefined }) ?? '');
  const { environment, database } = await makeWorld(recording);
  await startWorkerProcess(environment);
  await untilComplete(database, recording, 60_000);

  const right = await endedCommand('recount', ['--samples', '3', '--seconds', '20'], environment);
  expect(right, right.stderr).toMatchObject({ code: 0, stderr: '' });
  expect(right.stdout).toMatch(/^goldsky gave [\d,]+ events in [123] ranges: what is stored is the same\.$/m);

  // With it the burst of more than two pages in one second.
  const { from, to } = recording;
  await database.run(
    `ALTER TABLE order_event_versions DELETE WHERE cityHash64(transaction_hash, order_hash) % 40 = 0
       AND timestamp >= toDateTime({from:UInt32}) AND timestamp < toDateTime({to:UInt32}) SETTINGS mutations_sync = 2`,
    { from, to },
  );
  const [left] = await database.rows<{ n: string }>('SELECT count() AS n FROM order_events');
  const lost = recording.expected.orderEvents.size - Number(left?.n);
  expect(lost).toBeGreaterThan(100);

  const given = ['--source', 'goldsky', '--from', String(from), '--to', String(to)];
  const wrong = await endedCommand('recount', given, environment);
  expect(wrong).toMatchObject({ code: 1, stderr: '' });
  expect(wrong.stdout).toContain(
    `of goldsky differ: ${lost} events were missing (they are being written by this recount), 0 are stored`,
  );
  await untilComplete(database, recording, 10_000);
  await expectExactly(database, recording);

  const found = await endedCommand('coverage', [], environment);
  expect(found.code).toBe(1);
  expect(found.stdout).toMatch(/recounts? did not agree \(look again: npm run recount/);
  expect(await endedCommand('recount', given, environment)).toMatchObject({ code: 0 });
}, 180_000);

test.each([
  ['backfill', ['--from', '2024-01-01'], /^backfill: --source is missing/],
  [
    'backfill',
    ['--source', 'goldsky', '--from', '20', '--to', '20'],
    /^backfill: --to=20 .* later than --from=20/,
  ],
  ['backfill', ['--gaps', '--from', '20'], /^backfill: --gaps .* does not go with --from/],
  ['recount', ['--from', '20'], /^recount: --from and --to go together/],
  ['recount', ['--samples', 'many'], /^recount: --samples=many is not allowed/],
  ['coverage', ['--source', 'moon'], /^coverage: --source=moon is not allowed/],
] as const)('%s %j: one line that says what is wrong', async (name, args, line) => {
  const program = await endedCommand(name, args, testEnvironment());
  expect(program).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(line) as string });
  expect(program.stderr.trim().split('\n')).toHaveLength(1);
});
