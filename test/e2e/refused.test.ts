import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { hasStack, logLines, WARN } from '../support/logLines.ts';
import { makeWorld, startWorkerProcess, untilComplete, untilCount } from '../support/pipeline.ts';
import { makeRecording, type Recording } from '../support/recording.ts';
import { expectExactly } from '../support/tables.ts';
import { migrate } from '../../src/store/migrate.ts';

test('a row that ClickHouse refuses goes to quarantine; every other of its batch lands', async () => {
  const recording = makeRecording({ events: 6_000, seed: 8 });
  const { environment, database } = await makeWorld(recording);
  await migrate(database);
  const refused = [...recording.expected.trades.keys()].filter((_, index) => index % 1_500 === 700);
  const hashes = refused.map((id) => id.split('_')[0] ?? '');
  await database.run(
    `ALTER TABLE order_event_versions ADD CONSTRAINT refused_by_the_test
     CHECK concat(transaction_hash, '_', order_hash) NOT IN (${refused.map((id) => `'${id}'`).join()})`,
  );
  await startWorkerProcess(environment);
  const quarantined = `SELECT count() AS n FROM quarantine WHERE source = 'clickhouse.order_event_versions'`;
  await untilCount(database, quarantined, refused.length, 60_000);

  const rows = await database.rows<{ record: string; reason: string }>(
    `SELECT record, reason FROM quarantine WHERE source = 'clickhouse.order_event_versions' ORDER BY record`,
  );
  expect(rows.map(({ record }) => (JSON.parse(record) as string[])[1]).sort()).toEqual(hashes.sort());
  for (const { reason } of rows) expect(reason).toContain('refused_by_the_test');

  const left = withoutEvents(
    recording,
    refused,
    rows.map(({ record }) => record),
  );
  await untilComplete(database, left, 60_000);
  await expectExactly(database, left);
  expect(await database.rows('SELECT * FROM coverage_gaps')).toEqual([]);
}, 120_000);

test('ClickHouse away for a while: a few clear lines, no stacks, and it goes on by itself', async () => {
  const recording = makeRecording({ events: 20_000, seed: 9 });
  const { environment, database, simulator } = await makeWorld(recording);
  simulator.control.goldsky.latencyMs = 100;
  const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
  const worker = await startWorkerProcess({ ...environment, CLICKHOUSE_URL: proxy.url });
  await untilCount(database, 'SELECT count() >= 2000 AS n FROM order_events', 1, 60_000);
  await proxy.down();
  await expect
    .poll(() => warnings(worker.output.stdout).length, { timeout: 30_000 })
    .toBeGreaterThanOrEqual(1);
  // Time in which a flood would show: every tick and every job meets the trouble again and again.
  await sleep(8_000);
  const during = warnings(worker.output.stdout);
  // One line a kind of trouble and queue in 30 s.
  expect(during.length, during.join('\n')).toBeLessThanOrEqual(8);
  expect(during.join('\n')).toContain('ClickHouse does not answer at http://127.0.0.1:');
  expect(hasStack(worker.output.stdout + worker.output.stderr)).toBe(false);
  await proxy.up();

  await untilComplete(database, recording, 90_000);
  await expectExactly(database, recording);
  await expect.poll(() => worker.output.stdout, { timeout: 40_000 }).toContain('Works again after');
  expect(worker.output.stderr).toBe('');
}, 180_000);

function warnings(stdout: string): string[] {
  return logLines(stdout)
    .filter((line) => line.level >= WARN)
    .map((line) => line.msg);
}

/** The recording where these events are in quarantine, as ClickHouse's records, instead of in the tables. */
function withoutEvents(recording: Recording, ids: readonly string[], records: readonly string[]): Recording {
  const { orderEvents, trades, quarantine } = recording.expected;
  const others = (map: Map<string, string>) => new Map([...map].filter(([id]) => !ids.includes(id)));
  return {
    ...recording,
    expected: {
      orderEvents: others(orderEvents),
      trades: others(trades),
      quarantine: new Set([...quarantine, ...records]),
    },
  };
}
