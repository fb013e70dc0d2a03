import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { chromium, type Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { configureLogging } from '../../src/base/log.ts';
import { startDashboard } from '../../src/dashboard/server.ts';
import { CATALOGUE, QUEUE_NAMES } from '../../queues/catalogue.ts';
import { Queues } from '../../queues/producer.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const CHROMIUM = '/usr/bin/chromium';
const without = !existsSync(CHROMIUM);
const ARGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const NOTE = without ? ` (skipped: there is no ${CHROMIUM}; install the package chromium)` : '';

/** A page in a real browser, a dashboard behind it, and whatever the browser complained about. */
async function setUp() {
  configureLogging('silent');
  const config = testConfig(testEnvironment());
  const redis = new Redis(config.redis.url, { maxRetriesPerRequest: null });
  const queues = new Queues(redis, config.redis.prefix);
  const dashboard = await startDashboard(config);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS.split(' ') });
  onTestFinished(async () => {
    await browser.close();
    await dashboard.stop();
    await queues.close();
    redis.disconnect();
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(dashboard.url) && !request.url().startsWith('data:'))
      complaints.push(`asks another site: ${request.url()}`);
  });
  const addPage = (jobId: string) =>
    queues.add(
      'orders',
      'page',
      { source: 'goldsky', fetchedAt: 1, range: null, records: [{ id: 'a very secret record' }] },
      { jobId },
    );
  return { url: dashboard.url, page, complaints, addPage };
}

/** For a look at what it tests: `SCREENSHOTS=/some/folder`. */
async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS'];
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

test.skipIf(without)(`the status page shows numbers and refreshes in place${NOTE}`, async () => {
  const { url, page, complaints, addPage } = await setUp();
  await addPage('page-1');
  await page.goto(url);
  const waiting = page.locator('[data-cell="queue/orders/waiting"]');
  expect(await waiting.textContent()).toBe('1');
  await page.evaluate(`document.body.setAttribute('data-kept', 'yes')`);
  await addPage('page-2');
  await waiting.filter({ hasText: /^2$/ }).waitFor();
  // Refreshed without a reload, which would lose the place one has scrolled to.
  expect(await page.locator('body').getAttribute('data-kept')).toBe('yes');
  expect(await page.locator('table.queues tbody tr').count()).toBe(QUEUE_NAMES.length);
  expect(await page.locator('table.apis [data-cell$="/state"]').allTextContents()).toEqual([
    'works',
    'works',
  ]);
  await screenshot(page, 'status');
  await page.setViewportSize({ width: 390, height: 844 });
  await screenshot(page, 'status-phone');
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  expect(overflow).toBeLessThanOrEqual(0);
  expect(complaints).toEqual([]);
});

test.skipIf(without)(`the board works under the content security policy${NOTE}`, async () => {
  const { url, page, complaints, addPage } = await setUp();
  await addPage('page-1');
  await page.goto(new URL('/admin/queues', url).href);
  for (const name of QUEUE_NAMES)
    await page.locator(`a[href*="/admin/queues/queue/${name}"]`).first().waitFor({ state: 'attached' });
  await screenshot(page, 'board');

  await page.goto(new URL('/admin/queues/queue/orders?status=waiting', url).href);
  await page.getByText(CATALOGUE.orders.description).first().waitFor();
  await page.getByText('1 order events').first().waitFor();
  expect(await page.content()).not.toContain('very secret');
  await screenshot(page, 'board-queue');
  expect(complaints).toEqual([]);
});
