import { expect, test } from 'vitest';
import { retryQuarantine } from '../../src/cli/quarantineRetry.ts';
import { parseExchangeLog } from '../../src/domain/parseLog.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { orderEventRow, TABLES, toLines } from '../../src/store/tables.ts';
import { quarantined } from '../../workers/quarantine.ts';
import { exampleLogV2 } from '../support/exampleLogs.ts';
import { startWorkerProcess } from '../support/pipeline.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const RECEIVED = 1_785_423_180_000;
const SOURCE = 'polygon';

test('logs and rows of logs that are sent again from quarantine land, and their blocks are read again', async () => {
  const environment = testEnvironment({ ORDER_SOURCES: 'goldsky,polygon' });
  const { queues } = new RedisWorld(environment);
  const database = new Database(testConfig(environment).clickhouse);
  try {
    await migrate(database);
    const log = exampleLogV2({ block: 91_000_010, logIndex: 1 });
    const parsed = parseExchangeLog(exampleLogV2({ block: 91_000_100, logIndex: 2 }), SOURCE);
    if (!parsed.ok) throw new Error(parsed.reason);
    const row: unknown = JSON.parse(orderEventRow(parsed.event, undefined, undefined, RECEIVED));
    const malformed = { ...exampleLogV2({ block: 91_000_200, logIndex: 3 }), data: '0x12' };
    await database.insertLines('quarantine_versions', TABLES.quarantine_versions, [
      toLines([
        quarantined(SOURCE, 'not read by an older version', log, RECEIVED),
        quarantined(SOURCE, 'not read by an older version', malformed, RECEIVED),
        quarantined('clickhouse.order_event_versions', 'refused', row, RECEIVED),
      ]),
    ]);
    const worker = await startWorkerProcess(environment, ['--queues=orders,writes']);

    const filter = { source: undefined, reason: undefined };
    const result = await retryQuarantine(database, queues, filter, AbortSignal.timeout(60_000));
    expect(result).toMatchObject({ sent: 3, used: 2, inFailed: 0 });
    expect(
      await database.rows('SELECT block_number, log_index FROM order_events ORDER BY log_index'),
    ).toEqual([
      { block_number: expect.anything() as string, log_index: 1 },
      { block_number: expect.anything() as string, log_index: 2 },
    ]);
    expect(await database.rows('SELECT source FROM quarantine')).toEqual([{ source: SOURCE }]);
    const marks = await database.rows<{ from: string; to: string }>(
      `SELECT from_position AS from, to_position AS to FROM unsettled_ranges WHERE source = '${SOURCE}' ORDER BY from`,
    );
    // Nothing of the record that stays; a mark has 15 blocks.
    expect(marks.map(({ from, to }) => [Number(from), Number(to)])).toEqual([
      [91_000_005, 91_000_020],
      [91_000_095, 91_000_110],
    ]);
    worker.child.kill('SIGTERM');
    await worker.exited;
  } finally {
    await database.close();
  }
}, 120_000);
