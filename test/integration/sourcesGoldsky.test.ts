import { buildSchema, graphql } from 'graphql';
import { describe, expect, test } from 'vitest';
import { GoldskySource, type SubgraphCursor } from '../../src/sources/goldsky.ts';
import { failure, readBody, sendJson, serve } from './sourcesServer.ts';

interface Filter {
  timestamp_gt?: string;
  timestamp?: string;
  id_gt?: string;
}

interface Sent {
  query: string;
  variables: { first: number; where: Filter };
}

const EVENT_FIELDS = `id: ID! transactionHash: String orderHash: String timestamp: BigInt maker: String taker: String
  makerAssetId: String takerAssetId: String makerAmountFilled: BigInt takerAmountFilled: BigInt fee: BigInt`;

/** The part of graph-node's schema that the source uses; `meta` as the deployment has it. */
function subgraphSchema(meta: string) {
  return buildSchema(`
    scalar BigInt
    enum OrderFilledEvent_orderBy { id timestamp }
    enum OrderDirection { asc desc }
    input OrderFilledEvent_filter { timestamp: BigInt timestamp_gt: BigInt id_gt: ID }
    type OrderFilledEvent { ${EVENT_FIELDS} }
    ${meta}
    type Query {
      orderFilledEvents(orderBy: OrderFilledEvent_orderBy, orderDirection: OrderDirection, first: Int, where: OrderFilledEvent_filter): [OrderFilledEvent!]!
      ${meta === '' ? '' : '_meta: _Meta_'}
    }`);
}

const FULL_META = `
  type _Block_ { number: Int! timestamp: Int }
  type _Meta_ { block: _Block_! hasIndexingErrors: Boolean! }`;

function event(timestamp: number, n: number) {
  const hash = n.toString(16).padStart(64, '0');
  return {
    id: `0x${hash}_0x${hash}`,
    transactionHash: `0x${hash}`,
    orderHash: `0x${hash}`,
    timestamp: String(timestamp),
    maker: '0x' + '11'.repeat(20),
    taker: '0x' + '22'.repeat(20),
    makerAssetId: '0',
    takerAssetId: String(n + 1),
    makerAmountFilled: '1',
    takerAmountFilled: '2',
    fee: '0',
  };
}

/** A subgraph over `events` that validates and executes what it is sent, with what was sent. */
async function subgraph(events: ReturnType<typeof event>[], meta = FULL_META, refusal = 200) {
  const sent: Sent[] = [];
  const schema = subgraphSchema(meta);
  const rootValue = {
    orderFilledEvents: ({ first, where }: Sent['variables']) =>
      events
        .filter((e) => where.timestamp_gt === undefined || Number(e.timestamp) > Number(where.timestamp_gt))
        .filter((e) => where.timestamp === undefined || e.timestamp === where.timestamp)
        .filter((e) => where.id_gt === undefined || e.id > where.id_gt)
        .sort((a, b) => Number(a.timestamp) - Number(b.timestamp) || (a.id < b.id ? -1 : 1))
        .slice(0, first),
    _meta: { block: { number: 56_000_000, timestamp: 1_714_000_000 }, hasIndexingErrors: false },
  };
  const url = await serve((request, response) => {
    void readBody(request).then(async (body) => {
      const { query, variables } = JSON.parse(body) as Sent;
      sent.push({ query, variables });
      const result = await graphql({ schema, source: query, rootValue, variableValues: { ...variables } });
      sendJson(response, result, result.data === undefined ? refusal : 200);
    });
  });
  return { url, sent };
}

/** A server that always gives this answer. */
function canned(body: unknown, status = 200): Promise<string> {
  return serve((request, response) => {
    request.resume();
    sendJson(response, body, status);
  });
}

/** Follows the cursor until it rests; how often each id was seen. */
async function readAll(source: GoldskySource, from: SubgraphCursor): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  let cursor = from;
  for (;;) {
    const page = await source.fetchPage(cursor);
    for (const record of page.records as { id: string }[])
      seen.set(record.id, (seen.get(record.id) ?? 0) + 1);
    const resting = !page.full && !page.sameSecond && page.next.timestamp === cursor.timestamp;
    if (resting) return seen;
    cursor = page.next;
  }
}

describe('paging', () => {
  test('the requests, the raw records, the head', async () => {
    const { url, sent } = await subgraph([event(100, 1), event(100, 2), event(103, 3)]);
    const source = new GoldskySource({ url, pageSize: 2 });
    const first = await source.fetchPage({ timestamp: 100, id: '' });
    expect(first).toEqual({
      records: [event(100, 1), event(100, 2)],
      next: { timestamp: 100, id: event(100, 2).id },
      full: true,
      sameSecond: false,
      head: { blockNumber: 56_000_000, timestamp: 1_714_000_000 },
    });
    const second = await source.fetchPage(first.next);
    expect(second).toMatchObject({
      records: [],
      next: { timestamp: 101, id: '' },
      full: false,
      sameSecond: true,
    });
    const third = await source.fetchPage(second.next);
    expect(third).toMatchObject({ records: [event(103, 3)], next: { timestamp: 103, id: '' }, full: false });
    expect(sent.map((request) => request.variables)).toEqual([
      { first: 2, where: { timestamp_gt: '99' } },
      { first: 2, where: { timestamp: '100', id_gt: event(100, 2).id } },
      { first: 2, where: { timestamp_gt: '100' } },
    ]);
  });

  test('a late event of the newest second with a smaller id is not lost', async () => {
    const events = [event(100, 5)];
    const source = new GoldskySource({ url: (await subgraph(events)).url });
    const { next } = await source.fetchPage({ timestamp: 100, id: '' });
    events.push(event(100, 1));
    expect((await source.fetchPage(next)).records).toEqual([event(100, 1), event(100, 5)]);
  });

  test('2,500 events in one second, with others around them', async () => {
    const events = [
      event(99, 0),
      ...Array.from({ length: 2500 }, (_, n) => event(100, n + 1)),
      event(101, 9000),
    ];
    const { url, sent } = await subgraph(events);
    const seen = await readAll(new GoldskySource({ url }), { timestamp: 0, id: '' });
    expect(seen.size).toBe(2502);
    expect([...seen.values()].every((times) => times === 1)).toBe(true);
    expect(sent.length).toBeLessThanOrEqual(6);
  });

  test('a second that holds exactly one page', async () => {
    const { url } = await subgraph([event(100, 1), event(100, 2), event(101, 3)]);
    expect((await readAll(new GoldskySource({ url, pageSize: 2 }), { timestamp: 100, id: '' })).size).toBe(3);
  });

  test('a smaller page for one request', async () => {
    const { url, sent } = await subgraph([event(100, 1), event(100, 2)]);
    const page = await new GoldskySource({ url }).fetchPage({ timestamp: 100, id: '' }, { pageSize: 1 });
    expect(page.full).toBe(true);
    expect(sent[0]?.variables.first).toBe(1);
  });

  test('malformed records are handed on, and a malformed tail is passed over by the cursor', async () => {
    const records = [event(100, 1), { ...event(100, 2), maker: null }, { id: null, timestamp: '100' }];
    const url = await canned({ data: { orderFilledEvents: records } });
    const page = await new GoldskySource({ url, pageSize: 3 }).fetchPage({ timestamp: 100, id: '' });
    expect(page).toMatchObject({ records, next: { timestamp: 100, id: event(100, 2).id }, full: true });
  });

  test('page sizes that the server would refuse are refused here', async () => {
    const url = 'http://127.0.0.1:9';
    expect(() => new GoldskySource({ url, pageSize: 1001 })).toThrow(RangeError);
    await expect(
      new GoldskySource({ url }).fetchPage({ timestamp: 1, id: '' }, { pageSize: 0 }),
    ).rejects.toThrow(RangeError);
  });
});

describe('_meta', () => {
  test.each([
    ['no _meta at all', '', 200],
    [
      'no timestamp in it',
      'type _Block_ { number: Int! } type _Meta_ { block: _Block_! hasIndexingErrors: Boolean! }',
      200,
    ],
    ['no _meta, refused with status 400', '', 400],
  ])('%s: asked once, then left out', async (_what, meta, refusal) => {
    const { url, sent } = await subgraph([event(100, 1)], meta, refusal);
    const source = new GoldskySource({ url });
    const page = await source.fetchPage({ timestamp: 100, id: '' });
    expect(page).toMatchObject({ records: [event(100, 1)], head: undefined });
    await source.fetchPage(page.next);
    expect(sent.map((request) => request.query.includes('_meta'))).toEqual([true, false, false]);
  });

  test("graph-node's words for it", async () => {
    let answers = 0;
    const url = await serve((request, response) => {
      request.resume();
      const refused = {
        errors: [{ message: 'Type `Query` has no field `_meta`', locations: [{ line: 6, column: 3 }] }],
      };
      sendJson(response, answers++ === 0 ? refused : { data: { orderFilledEvents: [] } });
    });
    expect(await new GoldskySource({ url }).fetchPage({ timestamp: 1, id: '' })).toMatchObject({
      records: [],
    });
  });

  test.each([[null], [{ block: null }], [{ block: { number: 5, timestamp: null } }], ['x']])(
    'unusable: %j gives no head',
    async (meta) => {
      const url = await canned({ data: { orderFilledEvents: [], _meta: meta } });
      expect((await new GoldskySource({ url }).fetchPage({ timestamp: 1, id: '' })).head).toBeUndefined();
    },
  );

  test('indexing errors: the events cannot be called complete', async () => {
    const meta = { block: { number: 5, timestamp: 6 }, hasIndexingErrors: true };
    const url = await canned({ data: { orderFilledEvents: [], _meta: meta } });
    expect(await failure(new GoldskySource({ url }).fetchPage({ timestamp: 1, id: '' }))).toMatchObject({
      code: 'UPSTREAM_REJECTED',
      retry: 'never',
    });
  });
});

describe('errors', () => {
  const AT = [{ line: 2, column: 3 }];
  test.each([
    ['Query timed out', 'UPSTREAM_TIMEOUT', 'wait', true],
    [
      'Store error: database error: canceling statement due to statement timeout',
      'UPSTREAM_TIMEOUT',
      'wait',
      true,
    ],
    ['ResultTooBig(1000, 500)', 'UPSTREAM_TOO_EXPENSIVE', 'attempt', true],
    ['query is too expensive', 'UPSTREAM_TOO_EXPENSIVE', 'attempt', true],
    [
      'service is overloaded and can not run the query right now. Please try again',
      'UPSTREAM_SERVER_ERROR',
      'wait',
      false,
    ],
    ['the chain was reorganized while executing the query', 'UPSTREAM_SERVER_ERROR', 'wait', false],
    ['Store error: connection closed', 'UPSTREAM_SERVER_ERROR', 'wait', false],
    [
      'subgraph QmX has only indexed up to block number 5 and data for block number 9 is therefore not yet available',
      'UPSTREAM_SERVER_ERROR',
      'wait',
      false,
    ],
    ['Too many requests, please slow down', 'UPSTREAM_RATE_LIMITED', 'wait', false],
    ['indexing_error', 'UPSTREAM_REJECTED', 'never', false],
    ['deployment `QmX` does not exist', 'UPSTREAM_REJECTED', 'never', false],
    ['something new', 'UPSTREAM_QUERY_FAILED', 'wait', false],
  ])('%s', async (message, code, retry, shrink) => {
    // Partial data beside errors is never a page.
    const url = await canned({ data: { orderFilledEvents: [event(100, 1)] }, errors: [{ message }] });
    const error = await failure(new GoldskySource({ url }).fetchPage({ timestamp: 100, id: '' }));
    expect(error).toMatchObject({ code, retry, shrink });
    expect(error.message).toContain(`Goldsky (${url})`);
    expect(error.message).not.toContain('\n');
  });

  test('an error that points into the query is fatal', async () => {
    const url = await canned({ errors: [{ message: 'Type `X` has no field `fees`', locations: AT }] });
    expect(await failure(new GoldskySource({ url }).fetchPage({ timestamp: 1, id: '' }))).toMatchObject({
      code: 'UPSTREAM_REJECTED',
      retry: 'never',
    });
  });

  test('a subgraph that is not there', async () => {
    const url = await canned({ statusCode: 404, message: 'Subgraph not found: x' }, 404);
    const error = await failure(new GoldskySource({ url }).fetchPage({ timestamp: 1, id: '' }));
    expect(error).toMatchObject({ code: 'UPSTREAM_REJECTED', retry: 'never' });
    expect(error.message).toBe(`Goldsky (${url}) answered with status 404: Subgraph not found: x`);
  });

  test.each([
    ['429', 429, 'UPSTREAM_RATE_LIMITED', 'wait'],
    ['503', 503, 'UPSTREAM_SERVER_ERROR', 'wait'],
    ['524', 524, 'UPSTREAM_TIMEOUT', 'wait'],
  ])('status %s', async (_what, status, code, retry) => {
    const url = await canned({ data: { orderFilledEvents: [] } }, status);
    expect(await failure(new GoldskySource({ url }).fetchPage({ timestamp: 1, id: '' }))).toMatchObject({
      code,
      retry,
    });
  });

  test.each([
    ['{"data":null}'],
    ['{"data":{}}'],
    ['{"data":{"orderFilledEvents":null}}'],
    ['{"data":{"orderFilledEvents":{}}}'],
    ['{"data":[]}'],
    ['{"errors":"x"}'],
    ['[]'],
    ['null'],
    ['"text"'],
    ['{}'],
    ['{"data":{"orderFilledEvents":[{"id":"0x'],
    ['<html></html>'],
    [''],
  ])('the body %j is no page', async (body) => {
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    const error = await failure(new GoldskySource({ url }).fetchPage({ timestamp: 1, id: '' }));
    expect(error).toMatchObject({ code: 'UPSTREAM_BAD_BODY', retry: 'wait' });
    expect(error.message).toMatch(/^Goldsky \(http:\/\/127.0.0.1:\d+\) answered /);
  });

  test('"Too Many Requests" with status 200', async () => {
    const url = await canned({ error: 'Too Many Requests' });
    expect(await failure(new GoldskySource({ url }).fetchPage({ timestamp: 1, id: '' }))).toMatchObject({
      code: 'UPSTREAM_RATE_LIMITED',
    });
  });

  test('records that were not asked for', async () => {
    const url = await canned({ data: { orderFilledEvents: [event(99, 1)] } });
    expect(await failure(new GoldskySource({ url }).fetchPage({ timestamp: 100, id: '' }))).toMatchObject({
      code: 'UPSTREAM_BAD_BODY',
    });
  });

  test('a full page without a usable record', async () => {
    const url = await canned({ data: { orderFilledEvents: [{ id: null }, null] } });
    const source = new GoldskySource({ url, pageSize: 2 });
    expect(await failure(source.fetchPage({ timestamp: 100, id: '' }))).toMatchObject({
      code: 'GOLDSKY_CURSOR_STUCK',
      retry: 'attempt',
    });
  });

  test('a server that hangs, and a caller that stops', async () => {
    const controller = new AbortController();
    let requests = 0;
    const url = await serve(() => {
      if (requests++ > 0) controller.abort();
    });
    const source = new GoldskySource({ url, timeoutMs: 100 });
    expect(await failure(source.fetchPage({ timestamp: 1, id: '' }))).toMatchObject({
      code: 'UPSTREAM_TIMEOUT',
      shrink: true,
    });
    expect(
      await failure(source.fetchPage({ timestamp: 1, id: '' }, { signal: controller.signal })),
    ).toMatchObject({
      code: 'UPSTREAM_ABORTED',
    });
  });
});
