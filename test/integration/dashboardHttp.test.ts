import { request } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { Redis } from 'ioredis';
import { V1_EXCHANGES } from '../../src/base/exchanges.ts';
import { configureLogging, log } from '../../src/base/log.ts';
import { startDashboard } from '../../src/dashboard/server.ts';
import type { Status } from '../../src/dashboard/status.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { recordCoverage } from '../../src/store/coverage.ts';
import { UpstreamError } from '../../src/sources/upstreamError.ts';
import { lastRecounts } from '../../src/store/recounts.ts';
import { schemaReady } from '../../src/store/ready.ts';
import { Breakers } from '../../queues/breaker.ts';
import { QUEUE_NAMES } from '../../queues/catalogue.ts';
import { Queues } from '../../queues/producer.ts';
import { SourceStates } from '../../queues/sourceState.ts';
import { parseExposition } from '../support/exposition.ts';
import { testConfig, testEnvironment, type Environment } from '../support/world.ts';

/** A dashboard over a world of its own, and hands on what lies behind it. */
async function setUp(overrides: Environment = {}) {
  configureLogging('silent');
  const config = testConfig(testEnvironment(overrides));
  const database = new Database(config.clickhouse);
  const redis = new Redis(config.redis.url, { maxRetriesPerRequest: null });
  const queues = new Queues(redis, config.redis.prefix);
  await schemaReady(database, log('test'), AbortSignal.timeout(30_000));
  const dashboard = await startDashboard(config);
  onTestFinished(async () => {
    await dashboard.stop();
    await queues.close();
    redis.disconnect();
    await database.close();
  });
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(new URL(path, dashboard.url), { headers, redirect: 'manual' });
  /** The first status that could read everything: on a busy machine a check may not be answered in time. */
  const settled = async () => {
    for (;;) {
      const response = await get('/api/status');
      expect(response.status).toBe(200);
      const status = (await response.json()) as Status;
      const known = [...Object.values(status.tables), status.sources.goldsky?.gaps ?? null];
      if (status.services.redis && status.services.clickhouse && !known.includes(null)) return status;
    }
  };
  return { config, database, redis, queues, url: dashboard.url, get, settled };
}

/** Numbers are kept for a second or so. */
const POLL = { timeout: 20_000, interval: 100 };

type World = Awaited<ReturnType<typeof setUp>>;

const PAGE = {
  source: 'goldsky',
  fetchedAt: 1,
  range: null,
  records: [{ id: 'a very secret record' }, 'another'],
};

/** A failed, a waiting, a prioritized and a delayed job in orders; a covered range and a gap. */
async function fill({ config, database, redis, queues }: World): Promise<number> {
  const orders = queues.get('orders');
  await queues.add('orders', 'page', PAGE, { jobId: 'page-1' });
  await queues.add('orders', 'page', PAGE, { jobId: 'page-2', priority: 10 });
  await orders.add('page', PAGE, { jobId: 'page-3', delay: 3_600_000 });
  await orders.add('page', PAGE, { jobId: 'page-4', delay: 3_600_000 });
  await redis.zrem(orders.toKey('delayed'), 'page-4');
  await redis.zadd(orders.toKey('failed'), Date.now(), 'page-4');
  await redis.hset(orders.toKey('metrics:completed'), 'count', 41);
  const now = Math.floor(Date.now() / 1000);
  await recordCoverage(database, [
    {
      source: 'goldsky',
      from: { position: now - 900, id: '' },
      to: { position: now - 600, id: '' },
      events: 600,
      quarantined: 0,
    },
    {
      source: 'goldsky',
      from: { position: now - 500, id: '' },
      to: { position: now - 100, id: '0xabc' },
      events: 600,
      quarantined: 0,
    },
  ]);
  await database.run(
    `INSERT INTO quarantine_versions (source, record_hash, reason, record, received_at) SELECT 'goldsky', toString(number), 'r', '{}', now64(3) FROM numbers(3)`,
  );
  await new SourceStates(redis, config.redis.prefix).update('goldsky', {
    problem: 'HTTP 503 from <upstream>',
  });
  return now - 100;
}

test('/api/status gives the contract, numbers as numbers, coverage as the truth', async () => {
  const world = await setUp();
  const end = await fill(world);
  const status = await world.settled();
  expect(Object.keys(status.queues)).toEqual(QUEUE_NAMES);
  expect(status).toMatchObject({
    queues: {
      orders: { waiting: 2, active: 0, delayed: 1, failed: 1, completed: 41 },
      writes: { waiting: 0, active: 0, delayed: 0, failed: 0, completed: 0 },
    },
    sources: {
      goldsky: {
        cursor: `${end}/0xabc…`,
        cursorTime: new Date(end * 1000).toISOString(),
        coveredFrom: new Date((end - 800) * 1000).toISOString(),
        gaps: 1,
        lostGaps: 1,
        problem: 'HTTP 503 from <upstream>',
      },
    },
    tables: { markets: 0, order_events: 0, trades: 0, quarantine: 3 },
    services: { redis: true, clickhouse: true },
  });
  const lagSeconds = status.sources.goldsky?.lagSeconds;
  expect(lagSeconds).toBeGreaterThanOrEqual(99);
  expect(lagSeconds).toBeLessThan(130);
  expect(status.problems).toEqual([
    'goldsky: HTTP 503 from <upstream>',
    '1 job is left in failed in orders: tried again by itself, or retry now on the job board.',
  ]);
});

test('a source of blocks: its lag about, how far it is final and read, and which exchanges it reads', async () => {
  const { config, database, redis, settled, get } = await setUp({ ORDER_SOURCES: 'goldsky,polygon' });
  const head = 90_000_000;
  const place = (position: number) => ({ position, id: '' });
  await recordCoverage(database, [
    { source: 'polygon', from: place(head - 900), to: place(head - 150), events: 9, quarantined: 0 },
  ]);
  await new SourceStates(redis, config.redis.prefix).update('polygon', {
    cursor: place(head - 150),
    headBlock: head,
    headTimestamp: Math.floor(Date.now() / 1000) - 1,
    headRead: { number: head - 2, hash: '0x1' },
  });
  const { sources, apis } = await settled();
  expect(sources.polygon).toMatchObject({
    exchanges: config.polygon.exchanges,
    cursor: String(head - 150),
    coveredFrom: null,
    coveredFromBlock: head - 900,
    headBlock: head,
    readBlock: head - 2,
    gaps: 0,
  });
  expect(sources.polygon?.lagSeconds).toBeGreaterThanOrEqual(301);
  expect(sources.polygon?.lagSeconds).toBeLessThan(330);
  expect(sources.goldsky).toMatchObject({ exchanges: V1_EXCHANGES, headBlock: null, readBlock: null });
  expect(Object.keys(apis)).toEqual(['gamma', 'goldsky', 'polygon']);
  const page = await (await get('/')).text();
  expect(page).toContain(`final to ${head - 151}, read to ${head - 2} of ${head}<`);
  expect(page).toContain('polygon <small title="The exchanges it reads">V2, V3</small>');
  expect(page).toContain('goldsky <small title="The exchanges it reads">V1</small>');
  const samples = parseExposition(await (await get('/metrics')).text());
  expect(samples.get('polymarket_source_lag_seconds{source="polygon"}')).toBeGreaterThanOrEqual(301);
  expect(samples.get('polymarket_source_gaps{source="polygon"}')).toBe(0);
  expect(samples.get('polymarket_api_circuit_open{api="polygon"}')).toBe(0);
});

test('before anything happened the source is listed, with nothing covered', async () => {
  const { settled } = await setUp();
  expect(await settled()).toMatchObject({
    sources: {
      goldsky: { cursor: '', coveredFrom: null, lagSeconds: null, gaps: 0, lostGaps: 0, problem: null },
    },
    problems: [],
  });
});

test('an API that does not work is said, with its circuit breaker, until it works', async () => {
  const { redis, config, settled, get } = await setUp();
  const closed = { state: 'closed', failures: 0, openSince: null, nextProbeInSeconds: null, lastError: null };
  expect((await settled()).apis).toEqual({ gamma: closed, goldsky: closed });

  const breakers = new Breakers(redis, config.redis.prefix, { firstPauseMs: 60_000 });
  const away = new UpstreamError('UPSTREAM_UNREACHABLE', 'Gamma broke off', { retry: 'wait' });
  for (let i = 0; i < 5; i++) {
    await breakers.guarded('gamma', () => Promise.reject(away)).catch(() => undefined);
  }
  await expect.poll(async () => (await settled()).apis.gamma?.state, POLL).toBe('open');
  const { apis, problems } = await settled();
  expect(apis).toEqual({
    gamma: {
      state: 'open',
      failures: 5,
      openSince: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      nextProbeInSeconds: expect.any(Number) as number,
      lastError: 'Gamma broke off',
    },
    goldsky: closed,
  });
  expect(apis.gamma?.nextProbeInSeconds).toBeGreaterThan(10);
  expect(problems).toEqual([
    expect.stringMatching(/^Gamma has not worked since .* UTC .* The last error: Gamma broke off$/),
  ]);
  const samples = parseExposition(await (await get('/metrics')).text());
  expect(samples.get('polymarket_api_circuit_open{api="gamma"}')).toBe(1);
  expect(samples.get('polymarket_api_circuit_open{api="goldsky"}')).toBe(0);

  await redis.hset(`${config.redis.prefix}:breaker:gamma`, 'nextAt', 0);
  await breakers.guarded('gamma', () => Promise.resolve());
  await expect.poll(async () => (await settled()).problems, POLL).toEqual([]);
});

test('fetching that pauses for ClickHouse is said, with what lies in Redis', async () => {
  const { queues, settled, get } = await setUp({ MAX_QUEUED_PAGES: '2' });
  await queues.add('orders', 'page', PAGE, { jobId: 'page-1' });
  const { backlog, problems } = await settled();
  expect(backlog).toMatchObject({ pages: 1, redisMaxBytes: 256_000_000, pauseReason: null });
  expect(problems).toEqual([]);
  await queues.add('orders', 'page', PAGE, { jobId: 'page-2' });
  const fetchingPauses = expect.stringMatching(/^Fetching pauses: 2 pages .*MAX_QUEUED_PAGES=2/) as string;
  await expect.poll(async () => (await settled()).problems, POLL).toEqual([fetchingPauses]);
  const samples = parseExposition(await (await get('/metrics')).text());
  expect(samples.get('polymarket_queued_pages')).toBe(2);
  expect(samples.get('polymarket_queued_bytes')).toBeGreaterThan(2 * JSON.stringify(PAGE).length - 10);
  expect(samples.get('polymarket_redis_used_bytes')).toBeGreaterThan(100_000);
  expect(samples.get('polymarket_fetching_pauses')).toBe(1);
});

test('what the recounts of the last day found is shown, and said where something differs', async () => {
  const world = await setUp();
  const end = await fill(world);
  const recount = (request: string, ago: string, missing: number) =>
    world.database.run(
      `INSERT INTO recount_versions SELECT 'goldsky', ${end - 60}, ${end}, '${request}', now64(3) - INTERVAL ${ago}, 500, 499, ${missing}, 0, 0, ['0x1']`,
    );
  await recount('long-ago', '2 DAY', 400);
  await recount('agrees', '1 HOUR', 0);
  expect((await world.settled()).sources.goldsky?.recounts).toMatchObject({
    count: 1,
    events: 500,
    mismatches: 0,
  });
  await recount('differs', '1 MINUTE', 3);
  await expect
    .poll(async () => (await world.settled()).problems, POLL)
    .toContain(
      'goldsky: 3 of 1000 events that it was asked for again in the last 24 hours were not stored as it has them: see the table recounts.',
    );
  expect(await lastRecounts(world.database, 2)).toMatchObject([
    { source: 'goldsky', from: end - 60, to: end, request: 'differs', missing: 3, examples: ['0x1'] },
    { request: 'agrees', upstreamEvents: 500, storedEvents: 499, missing: 0 },
  ]);
});

test('the status page has the numbers in it without script, what upstreams say is escaped', async () => {
  const world = await setUp();
  await fill(world);
  await world.settled();
  const response = await world.get('/');
  const page = await response.text();
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page).toContain('<dd data-cell="table/quarantine" data-tone="">3</dd>');
  expect(page).toContain('HTTP 503 from &lt;upstream&gt;');
  expect(page).not.toContain('<upstream>');
  expect(page).toMatch(
    /data-cell="queue\/orders\/failed" data-tone="bad" href="\/admin\/queues\/queue\/orders\?status=failed">1</,
  );
  for (const [, asset] of page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    expect((await world.get(asset ?? '')).status).toBe(200);
  }
});

test('/metrics is valid exposition format and has the pipeline in it', async () => {
  const world = await setUp();
  await fill(world);
  await world.settled();
  const response = await world.get('/metrics');
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const samples = parseExposition(await response.text());
  expect(samples.get('polymarket_queue_jobs{queue="orders",state="waiting"}')).toBe(2);
  expect(samples.get('polymarket_queue_jobs{queue="orders",state="failed"}')).toBe(1);
  expect(samples.get('polymarket_queue_completed_total{queue="orders"}')).toBe(41);
  expect(samples.get('polymarket_queue_oldest_waiting_seconds{queue="orders"}')).toBeLessThan(60);
  expect(samples.get('polymarket_source_gaps{source="goldsky"}')).toBe(1);
  expect(samples.get('polymarket_source_lag_seconds{source="goldsky"}')).toBeGreaterThanOrEqual(99);
  expect(samples.get('polymarket_table_rows{table="quarantine"}')).toBe(3);
  expect(samples.get('polymarket_service_up{service="redis"}')).toBe(1);
  expect(samples.get('process_cpu_seconds_total')).toBeGreaterThan(0);
});

test('the board shows a summary of the data, lists every queue, and takes no summary in place of the data', async () => {
  const world = await setUp();
  await fill(world);
  const answer = await world.get(
    '/admin/queues/api/queues?activeQueue=orders&status=failed&page=1&jobsPerPage=10',
  );
  const text = await answer.text();
  expect(text).not.toContain('very secret');
  const { queues } = JSON.parse(text) as { queues: { name: string; jobs: { data: unknown }[] }[] };
  expect(queues.map(({ name }) => name)).toEqual(QUEUE_NAMES);
  const shown = queues.find(({ name }) => name === 'orders')?.jobs[0]?.data;
  expect(shown).toMatchObject({ source: 'goldsky', records: '2 order events' });

  const update = (jobData: unknown) =>
    fetch(new URL('/admin/queues/api/queues/orders/page-4/update-data', world.url), {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ jobData }),
    });
  const refused = await update(shown);
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain('summary');
  expect((await world.queues.get('orders').getJob('page-4'))?.data).toEqual(PAGE);
  expect((await update({ ...PAGE, records: [] })).status).toBe(200);
  expect((await world.queues.get('orders').getJob('page-4'))?.data).toEqual({ ...PAGE, records: [] });
});

test('a failed job is retried through the board', async () => {
  const world = await setUp();
  await fill(world);
  const retried = await fetch(new URL('/admin/queues/api/queues/orders/page-4/retry', world.url), {
    method: 'PUT',
    headers: { Origin: new URL(world.url).origin },
  });
  expect(retried.ok).toBe(true);
  expect(await world.queues.get('orders').getJobState('page-4')).toBe('waiting');
});

test.each([
  { 'Sec-Fetch-Site': 'cross-site' },
  { 'Sec-Fetch-Site': 'same-site' },
  { Origin: 'http://evil.example' },
  { Origin: 'null' },
])('another site changes nothing: %o', async (headers) => {
  const { queues, url } = await setUp();
  const answer = await send(url, '/admin/queues/api/queues/orders/pause', 'PUT', headers);
  expect(answer).toMatchObject({ status: 403, text: 'Refused: the request comes from another site.\n' });
  expect(await queues.get('orders').isPaused()).toBe(false);
});

test('without a password it answers only at the names of this machine', async () => {
  const { url } = await setUp();
  const { port } = new URL(url);
  const status = async (host: string) => (await send(url, '/api/status', 'GET', { Host: host })).status;
  expect(await status(`attacker.example:${port}`)).toBe(403);
  expect(await status(`LOCALHOST:${port}`)).toBe(200);
  expect(await status(`[::1]:${port}`)).toBe(200);
  const refused = await send(url, '/', 'GET', { Host: 'attacker.example' });
  expect(refused.text).toMatch(/^This dashboard has no password .*DASHBOARD_HOST.*\n$/);
});

test('with a password everything but the health checks asks for it', async () => {
  const { get } = await setUp({ DASHBOARD_USER: 'ops', DASHBOARD_PASSWORD: 'päss:word' });
  const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  for (const path of ['/', '/api/status', '/metrics', '/admin/queues', '/assets/status.js', '/nowhere']) {
    const refused = await get(path);
    expect({ path, status: refused.status }).toEqual({ path, status: 401 });
    expect(refused.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    expect((await get(path, basic('ops:wrong'))).status).toBe(401);
  }
  expect((await get('/api/status', basic('ops:päss:word'))).status).toBe(200);
  expect((await get('/healthz')).status).toBe(200);
  expect((await get('/readyz')).status).toBe(200);
});

test('every answer carries the security headers; the policy allows no other site', async () => {
  const { get } = await setUp();
  for (const path of ['/', '/api/status', '/admin/queues', '/nowhere']) {
    const { headers } = await get(path);
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'self';.*frame-ancestors 'none'/);
    expect(headers.get('content-security-policy')).not.toContain('http');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-powered-by')).toBeNull();
  }
  expect(await (await get('/admin/queues')).text()).not.toMatch(/href="https?:/);
});

/** With headers that fetch does not let one set. */
function send(
  url: string,
  path: string,
  method: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    outgoing.on('error', reject).end();
  });
}
