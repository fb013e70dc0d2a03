import type { Page } from 'playwright-core';
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
  'pages that ClickHouse refused until their jobs failed: retried in the browser, their rows arrive once',
  async () => {
    const recording = makeRecording({ events: 3_000, seed: 11, bursts: 0 });
    // One poll reads all of it; later ones would only add the newest second again, and again to what fails.
    const { environment, database } = await makeWorld(recording, { ORDERS_POLL_MS: '3600000' });
    const proxy = await ClickHouseProxy.start(environment['CLICKHOUSE_URL'] ?? '');
    proxy.refuseInserts('order_event_versions', UNKNOWN_TABLE);
    const worker = await startWorkerProcess({ ...environment, CLICKHOUSE_URL: proxy.url });
    const pages = new RedisWorld(environment).queues.get('orders');
    const failed = () => pages.getFailedCount();
    // Six attempts with pauses of about 1, 2, 4, 8 and 16 s.
    await expect.poll(failed, { timeout: 120_000, interval: 200 }).toBeGreaterThanOrEqual(3);
    await expect.poll(() => pages.getJobCountByTypes('active', 'waiting', 'delayed'), POLL).toBe(0);
    const jobs = await pages.getFailed();
    expect(jobs.every((job) => job.attemptsMade === 6)).toBe(true);
    await untilCount(database, 'SELECT count() AS n FROM order_events', 0, 5_000);
    expect(worker.output.stdout).toContain('is left in failed: ClickHouse refused an insert into');
    proxy.heal();

    const page = await openPage(`${await startDashboard(environment)}admin/queues`);
    await page
      .getByRole('link', { name: /orders/ })
      .first()
      .click();
    await page
      .getByRole('link', { name: /failed/i })
      .first()
      .click();
    await page.waitForURL(/status=failed/);
    const one = jobs[0]?.id ?? '';
    const card = page.locator(`xpath=//*[normalize-space(text())='${one}']`).first();
    await card.waitFor();
    await card.locator(`xpath=following::*[normalize-space(text())='Data'][1]`).click();
    await page
      .getByText(/^"?\d+ order events"?$/)
      .first()
      .waitFor();
    const shown = await page.content();
    // Records are counted, never shown: no hash, wallet or token of them is on the page.
    for (const row of recording.rows) {
      expect(shown.includes(String(row['transactionHash']))).toBe(false);
      expect(shown.includes(String(row['maker']))).toBe(false);
    }
    expect(shown.length).toBeLessThan(500_000);

    const before = await failed();
    const retry = card.locator('xpath=following::button[1]');
    await retry.hover();
    await page.getByText('Retry', { exact: true }).waitFor();
    await retry.click();
    await confirm(page);
    await expect.poll(failed, POLL).toBe(before - 1);
    expect(await pages.getJobState(one)).not.toBe('failed');
    await untilCount(database, 'SELECT count() > 0 AS n FROM order_events', 1, 30_000);

    await page.getByRole('button', { name: 'Retry all' }).click();
    await confirm(page);
    await expect.poll(failed, POLL).toBe(0);

    await untilComplete(database, recording, 60_000);
    await expectExactly(database, recording);
    await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 20_000);
  },
  240_000,
);

const POLL = { timeout: 60_000, interval: 200 };

/** The board asks back. */
async function confirm(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Confirm', exact: true }).click();
}

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
