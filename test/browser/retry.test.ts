import { expect, test } from 'vitest';
import { lacksBrowser, openPage } from '../support/chromium.ts';
import { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import { makeWorld, startWorkerProcess, untilComplete, untilCount } from '../support/pipeline.ts';
import { runProgram } from '../support/processes.ts';
import { makeRecording } from '../support/recording.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { expectExactly } from '../support/tables.ts';
import type { Environment } from '../support/world.ts';

/** ClickHouse's "no such table": nothing that waiting mends, and no row is to blame. */
const UNKNOWN_TABLE = 60;

test.skipIf(lacksBrowser)(
  'writes that ClickHouse refused until their jobs failed: retried in the browser, their rows arrive once',
  async () => {
    const recording = makeRecording({ events: 3_000, seed: 11, bursts: 0 });
    const { environment, database } = await makeWorld(recording);
    const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
    proxy.refuseInserts('order_event_versions', UNKNOWN_TABLE);
    const worker = await startWorkerProcess({ ...environment, CLICKHOUSE_URL: proxy.url });
    const writes = new RedisWorld(environment).queues.get('writes');
    const failed = () => writes.getFailedCount();
    // Six attempts with pauses of about 1, 2, 4, 8 and 16 s.
    await expect.poll(failed, { timeout: 120_000, interval: 200 }).toBeGreaterThanOrEqual(3);
    await expect.poll(() => writes.getJobCountByTypes('active', 'waiting', 'delayed'), POLL).toBe(0);
    const jobs = await writes.getFailed();
    expect(jobs.every((job) => job.attemptsMade === 6)).toBe(true);
    await untilCount(database, 'SELECT count() AS n FROM order_events', 0, 5_000);
    expect(worker.output.stdout).toContain('is left in failed: ClickHouse refused an insert into');
    proxy.heal();

    const page = await openPage(`${await startDashboard(environment)}admin/queues`);
    await page
      .getByRole('link', { name: /writes/ })
      .first()
      .click();
    await page
      .getByRole('link', { name: /failed/i })
      .first()
      .click();
    await page.waitForURL(/status=failed/);
    const first = jobs[0];
    await page
      .getByText(first?.id ?? '', { exact: false })
      .first()
      .waitFor();
    const shown = await page.content();
    expect(shown).toContain('order_event_versions');
    // Rows are counted, never shown: no hash, wallet or token of them is on the page.
    const [row] = recording.rows;
    for (const field of ['transactionHash', 'maker', 'takerAssetId']) {
      if (row?.[field] !== '0') expect(shown).not.toContain(row?.[field]);
    }

    const before = await failed();
    await page.getByRole('button', { name: 'Retry', exact: true }).first().click();
    await expect.poll(failed, POLL).toBe(before - 1);
    await untilCount(database, 'SELECT count() > 0 AS n FROM order_events', 1, 30_000);

    await page.getByRole('button', { name: 'Retry all', exact: true }).click();
    await page.getByRole('button', { name: /^(confirm|ok|yes)$/i }).click();
    await expect.poll(failed, POLL).toBe(0);

    await untilComplete(database, recording, 60_000);
    await expectExactly(database, recording);
    await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 20_000);
  },
  240_000,
);

const POLL = { timeout: 60_000, interval: 200 };

/** The dashboard as a process. Gives its address. */
async function startDashboard(environment: Environment): Promise<string> {
  const program = runProgram('src/dashboard/main.ts', [], {
    env: { ...environment, LOG_LEVEL: 'info' },
    ipc: true,
  });
  const [message] = await Promise.race([
    new Promise<[unknown]>((resolve) => program.child.once('message', (told) => resolve([told]))),
    program.exited.then(() => {
      throw new Error(`The dashboard ended: ${program.output.stderr}`);
    }),
  ]);
  return (message as { url: string }).url;
}
