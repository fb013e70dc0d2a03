import { expect, test } from 'vitest';
import { pauseReason, type Backlog } from '../../queues/backlog.ts';
import type { Payload } from '../../queues/catalogue.ts';
import { RedisWorld } from '../support/redisWorld.ts';
import { testEnvironment } from '../support/world.ts';

const bytes = (payload: unknown) => Buffer.byteLength(JSON.stringify(payload));

test('pages are counted with their bytes in every state, finished ones as bytes only', async () => {
  const redis = new RedisWorld(testEnvironment());
  const { queues } = redis;
  expect(await queues.queuedPages()).toEqual({ onTheirWay: 0, failed: 0, bytes: 0 });

  const orders: Payload<'orders'> = {
    source: 'goldsky',
    fetchedAt: 1,
    range: null,
    records: [{ text: 'ä€😀'.repeat(99) }],
  };
  const markets: Payload<'markets'> = { fetchedAt: 1, records: ['market'] };
  const writes: Payload<'writes'> = {
    rows: { quarantine_versions: { count: 1, lines: '[1]\n' } },
    coverage: [],
  };
  await queues.add('orders', 'page', orders, { jobId: 'waits' });
  await queues.add('orders', 'page', orders, { jobId: 'waits long', delayMs: 60_000 });
  await queues.add('markets', 'page', markets, { jobId: 'of a priority', priority: 3 });
  await queues.add('writes', 'page', writes, { jobId: 'fails' });
  await queues.add('writes', 'page', writes, { jobId: 'also waits' });
  await redis.leaveInFailed('writes', 'fails', Date.now());
  // No page, however many there are of them.
  await queues.add('ticks', 'labels', { task: 'labels' }, { jobId: 'tick' });

  const counted = await queues.queuedPages();
  expect(counted).toMatchObject({ onTheirWay: 4, failed: 1 });
  // What a page of markets becomes is larger than the page.
  expect(counted.bytes).toBe(2 * bytes(orders) + 2 * bytes(markets) + 2 * bytes(writes));
});

test('fetching pauses for too many pages or for too many bytes, and says which', () => {
  const config = { maxQueuedPages: 200, maxRedisMb: 256 };
  const reason = (backlog: Partial<Backlog>) =>
    pauseReason({ onTheirWay: 0, failed: 0, bytes: 0, ...backlog }, config);
  expect(reason({ onTheirWay: 150, failed: 49, bytes: 127_999_999 })).toBeUndefined();
  expect(reason({ onTheirWay: 200 })).toBe('200 pages wait for ClickHouse (MAX_QUEUED_PAGES=200)');
  expect(reason({ onTheirWay: 150, failed: 50 })).toBe(
    '200 pages wait for ClickHouse, 50 of them in failed (MAX_QUEUED_PAGES=200)',
  );
  expect(reason({ onTheirWay: 90, bytes: 128_000_000 })).toBe(
    '90 pages wait for ClickHouse, 128 MB in Redis (MAX_REDIS_MB=256, half of it for pages)',
  );
});
