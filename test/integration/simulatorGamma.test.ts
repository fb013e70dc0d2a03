import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';

const NOW = 1_795_000_000;
let now = NOW;
let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ exchange: { start: NOW - 3600, now: () => now * 1000 } });
});
afterAll(() => simulator.close());

type Market = Record<string, unknown> & { readonly id: string };

async function get(
  path: string,
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: never }> {
  const response = await fetch(simulator.gammaUrl + path);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text.startsWith('<') ? text : JSON.parse(text)) as never,
  };
}

interface Page {
  readonly markets: Market[];
  readonly next_cursor?: string;
}

async function sweep(filters: string): Promise<Market[]> {
  const found: Market[] = [];
  let cursor: string | undefined = '';
  while (cursor !== undefined) {
    const after: string = cursor === '' ? '' : `&after_cursor=${cursor}`;
    const page: Page = (await get(`/markets/keyset?limit=1000&${filters}${after}`)).body;
    expect(page.markets.length).toBeLessThanOrEqual(100);
    found.push(...page.markets);
    cursor = page.next_cursor;
  }
  return found;
}

test('two keyset sweeps, open and closed, see every market once', async () => {
  const [open, closed] = [await sweep('closed=false'), await sweep('closed=true')];
  expect(open.every((market) => market['closed'] === false)).toBe(true);
  expect(closed.every((market) => market['closed'] === true)).toBe(true);
  const ids = [...open, ...closed].map(({ id }) => Number(id)).sort((a, b) => a - b);
  expect(ids).toEqual(simulator.upstream.markets().map(({ id }) => id));
  expect(open.length).toBeGreaterThan(2000);
  expect(closed.length).toBeGreaterThan(100);
});

test.each(['volumeNum', 'createdAt', 'updatedAt', 'endDate', 'id'])(
  'a sweep ordered by %s is whole and in order',
  async (key) => {
    const found = await sweep(`closed=true&order=${key}&ascending=false`);
    expect(found).toHaveLength(simulator.upstream.markets().filter(({ closed }) => closed).length);
    const keys = found.map((market) =>
      key === 'id' ? Number(market.id) : ((market[key] ?? (key === 'volumeNum' ? 0 : '')) as number),
    );
    for (const [i, value] of keys.entries()) if (i > 0) expect(value <= (keys[i - 1] ?? 0)).toBe(true);
  },
);

test('a cursor belongs to its query; wrong cursor names are ignored', async () => {
  const first: Page = (await get('/markets/keyset?limit=5')).body;
  for (const name of ['cursor', 'next_cursor', 'nextCursor']) {
    expect(
      ((await get(`/markets/keyset?limit=5&${name}=${first.next_cursor}`)).body as Page).markets,
    ).toEqual(first.markets);
  }
  expect((await get(`/markets/keyset?limit=5&closed=true&after_cursor=${first.next_cursor}`)).status).toBe(
    422,
  );
  expect((await get('/markets/keyset?after_cursor=garbage')).status).toBe(422);
  expect((await get('/markets/keyset?offset=10')).status).toBe(422);
  const refused = await get('/markets/keyset?order=volume_num');
  expect([refused.status, refused.body]).toEqual([
    422,
    { type: 'validation error', error: 'order fields are not valid' },
  ]);
});

test('filters are repeated keys, and closed=false holds for them too', async () => {
  const entries = simulator.upstream.markets();
  const closed = entries.filter((entry) => entry.closed && entry.tokenIds.length === 2).slice(0, 3);
  const open = entries.filter((entry) => !entry.closed).slice(0, 2);
  const wanted = [...closed, ...open];
  const queries = [
    wanted.map(({ tokenIds }) => `clob_token_ids=${tokenIds[1]}`),
    wanted.map(({ conditionId }) => `condition_ids=${conditionId}`),
    wanted.map(({ id }) => `id=${id}`),
    wanted.map(({ slug }) => `slug=${slug}`),
  ];
  for (const parts of queries) {
    const ask = async (more: string): Promise<number[]> =>
      ((await get(`/markets/keyset?${parts.join('&')}${more}`)).body as Page).markets.map(({ id }) =>
        Number(id),
      );
    expect(await ask('')).toEqual(open.map(({ id }) => id));
    expect(await ask('&closed=true')).toEqual(closed.map(({ id }) => id));
  }
  const many = Array.from({ length: 101 }, (_, i) => `condition_ids=0x${i}`).join('&');
  expect((await get(`/markets/keyset?${many}`)).status).toBe(422);
  const long = Array.from({ length: 110 }, () => `clob_token_ids=${closed[0]?.tokenIds[0]}`).join('&');
  expect((await get(`/markets/keyset?${long}`)).status).toBe(414);
});

test('the legacy listing: bare array, deprecation headers, offsets up to 2000', async () => {
  const { status, headers, body } = await get('/markets?limit=500&offset=100');
  expect(status).toBe(200);
  expect(headers.get('deprecation')).toBe('true');
  expect(headers.get('warning')).toContain('/markets/keyset');
  expect(body).toHaveLength(100);
  expect((await get('/markets?limit=1&offset=2000')).status).toBe(200);
  const deep = await get('/markets?offset=2001');
  expect(deep.status).toBe(422);
  expect(deep.body).toEqual({
    type: 'validation error',
    error: 'offset too large, use /markets/keyset for deeper pagination',
  });
});

test('single markets are found closed or not', async () => {
  const entry = simulator.upstream.markets().find((one) => one.closed && one.tokenIds.length === 2);
  expect((await get(`/markets/${entry?.id}`)).body).toEqual(entry?.object());
  expect((await get(`/markets/slug/${entry?.slug}`)).body).toEqual(entry?.object());
  expect((await get('/markets/999999999')).status).toBe(404);
});

test('the market object has the types of the real one', async () => {
  const market = (await sweep('closed=false')).find(({ volumeNum }) => volumeNum !== undefined);
  expect(market).toMatchObject({
    id: expect.stringMatching(/^\d+$/) as string,
    conditionId: expect.stringMatching(/^0x[0-9a-f]{64}$/) as string,
    volume: expect.stringMatching(/^\d+(\.\d{1,6})?$/) as string,
    volumeNum: expect.any(Number) as number,
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/) as string,
    events: [expect.objectContaining({ slug: expect.any(String) as string })],
  });
  const tokens = JSON.parse(market?.['clobTokenIds'] as string) as string[];
  for (const token of tokens) expect(token).toMatch(/^\d{60,78}$/);
});

test('events nest their markets', async () => {
  const seen: string[] = [];
  let cursor: string | undefined = '';
  while (cursor !== undefined) {
    const page: { events: { markets: Market[] }[]; next_cursor?: string } = (
      await get(`/events/keyset?limit=500&after_cursor=${cursor}`)
    ).body;
    seen.push(...page.events.flatMap(({ markets }) => markets.map(({ id }) => id)));
    cursor = page.next_cursor;
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.length).toBeGreaterThan(2000);
});

test('a market closes while the clock runs', async () => {
  const next = simulator.upstream
    .markets()
    .find((entry) => !entry.closed && entry.slug.startsWith('btc-updown'));
  now = NOW + 1200;
  const { body } = await get(`/markets/${next?.id}`);
  now = NOW;
  expect(body).toMatchObject({ closed: true, umaResolutionStatus: 'resolved' });
});
