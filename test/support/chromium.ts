import { existsSync } from 'node:fs';
import { chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

/** Debian's package. */
const CHROMIUM = '/usr/bin/chromium';

/** Without a browser a test is skipped on a developer's machine, but not where all tests have to run. */
export const lacksBrowser = !existsSync(CHROMIUM) && process.env['CI'] === undefined;
if (lacksBrowser) {
  console.warn('Skipped: there is no Chromium (apt install chromium). With CI set, this would be a failure.');
}

/** A page in a browser of its own; both end with the test. */
export async function openPage(url: string): Promise<Page> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.setDefaultTimeout(30_000);
  await page.goto(url);
  return page;
}
