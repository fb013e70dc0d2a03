import { describe, expect, test } from 'vitest';
import { ORDER_FILLED_V1, ORDER_FILLED_V2 } from '../../src/domain/parseLog.ts';
import { PolygonSource } from '../../src/sources/polygon.ts';
import {
  blockOf,
  blocksOf,
  EXCHANGE,
  hex,
  logOf,
  node,
  rpcError,
  V1_EXCHANGE,
  without,
  word,
  type Log,
} from './polygonNode.ts';
import { failure, sendJson } from './sourcesServer.ts';

function source(...nodes: { url: string }[]) {
  const urls = nodes.map(({ url }) => url);
  return new PolygonSource({
    urls,
    exchanges: [EXCHANGE, V1_EXCHANGE],
    finalityBlocks: 128,
    timeoutMs: 2000,
  });
}

const placesOf = (logs: readonly Log[]) =>
  logs.map((l) => `${Number(l['blockNumber'])}/${Number(l['logIndex'])}`);
const seconds = (number: number) => Number(blockOf(number).timestamp);

describe('heads', () => {
  test('the newest block, the final one and one by number come with one request', async () => {
    const { url, requests } = await node({ head: 500, finalized: 495 });
    let turns = 0;
    const turn = () => Promise.resolve(void turns++);
    const heads = await source({ url }).heads({ also: 400, turn });
    expect(heads).toEqual({
      latest: { ...blockOf(500), number: 500, timestamp: seconds(500) },
      finalized: expect.objectContaining({ number: 495, hash: word(495) }) as unknown,
      also: expect.objectContaining({ number: 400 }) as unknown,
    });
    expect(requests).toEqual([['latest', '400', 'finalized']]);
    expect(turns).toBe(1);
  });

  test('a block that the node does not have is none', async () => {
    expect((await source(await node({ head: 500 })).heads({ also: 501 })).also).toBeUndefined();
  });

  test.each([
    ['an error for the tag', { answer: unknownTag }],
    ['null for the tag', { finalized: null }],
    ['a final block of 0', { finalized: 0 }],
    ['a final block of days ago', { head: 90_000, finalized: 10_000 }],
  ])(
    '%s: finality is a distance from the head, and the tag is not asked for again',
    async (_name, options) => {
      const { url, requests } = await node({ head: 500, ...options });
      const polygon = source({ url });
      const { latest, finalized } = await polygon.heads();
      expect(latest.number - finalized.number).toBe(128);
      await polygon.heads();
      expect(requests.slice(1)).toEqual([['latest']]);
    },
  );

  test('where the newest block is old, the node that is furthest counts, and the one behind is passed over', async () => {
    const [behind, ahead] = [await node({ head: 500 }), await node({ head: 510 })];
    const polygon = source(behind, ahead);
    expect((await polygon.heads()).latest.number).toBe(510);
    const asked = behind.requests.length;
    expect((await polygon.heads()).latest.number).toBe(510);
    expect(behind.requests.length).toBe(asked);
  });

  test('a chain on which all nodes stand still is no error', async () => {
    const polygon = source(await node({ head: 500 }), await node({ head: 500 }));
    expect((await polygon.heads()).latest.number).toBe(500);
  });

  test('a chain that begins within the distance is final from its first block on', async () => {
    expect((await source(await node({ head: 100, finalized: null })).heads()).finalized.number).toBe(0);
  });

  test('a final block beyond the newest one is the newest one', async () => {
    const answer = ({ params: [tag] }: { params: unknown[] }) =>
      tag === 'finalized' ? { result: blockOf(501) } : undefined;
    expect((await source(await node({ head: 500, answer })).heads()).finalized.number).toBe(500);
  });
});

function unknownTag({ params: [tag] }: { params: unknown[] }) {
  return tag === 'finalized' ? rpcError('invalid block tag', -32602) : undefined;
}

describe('a page of logs', () => {
  test('asks for both events of all exchanges, and for the last block, with one request', async () => {
    const { url, requests, filters } = await node({ logs: [logOf(12, 1), logOf(10, 7), logOf(10, 2)] });
    const page = await source({ url }).fetchLogs({ from: 10, to: 20 });
    expect(requests).toEqual([['10-19', '19']]);
    expect(filters[0]).toMatchObject({
      address: [EXCHANGE, V1_EXCHANGE],
      topics: [[ORDER_FILLED_V1, ORDER_FILLED_V2]],
    });
    expect(page).toMatchObject({ from: 10, to: 20, witnesses: 1 });
    expect(page.logs).toEqual([logOf(10, 2), logOf(10, 7), logOf(12, 1)]);
    expect(page.blocks.map(({ number, hash }) => [number, hash])).toEqual(
      [10, 12, 19].map((n) => [n, word(n)]),
    );
  });

  test('a time that the node leaves out is looked up once for each block', async () => {
    const logs = [10, 10, 12, 14].map((block, index) => without(logOf(block, index), 'blockTimestamp'));
    const { url, requests } = await node({ logs });
    const polygon = source({ url });
    const page = await polygon.fetchLogs({ from: 10, to: 15 });
    expect(page.logs.map((log) => log['blockTimestamp'])).toEqual(
      [10, 10, 12, 14].map((n) => blockOf(n).timestamp),
    );
    await polygon.fetchLogs({ from: 10, to: 15 });
    expect(requests).toEqual([
      ['10-14', '14'],
      ['10', '12'],
      ['10-14', '14'],
    ]);
  });

  test('a canonical page holds every block, and 64 at most', async () => {
    const { url, requests } = await node({ logs: [logOf(11, 0), logOf(13, 0)] });
    const polygon = source({ url });
    const page = await polygon.fetchLogs({ from: 10, to: 15, canonical: true });
    expect(page.blocks.map(({ number, hash }) => [number, hash])).toEqual(
      [10, 11, 12, 13, 14].map((n) => [n, word(n)]),
    );
    expect(requests[1]).toEqual(['10', '12']);
    expect((await polygon.fetchLogs({ from: 100, to: 300, canonical: true })).to).toBe(164);
  });

  test('a malformed log stays in the page, an exact duplicate does not', async () => {
    const short = logOf(10, 4, { data: '0x12' });
    const timed = logOf(10, 5, { blockTimestamp: 'soon' });
    const unplaced = logOf(10, 6, { logIndex: 'six' });
    const { url } = await node({ logs: [unplaced, short, timed, logOf(10, 2), logOf(10, 2)] });
    const page = await source({ url }).fetchLogs({ from: 10, to: 12 });
    expect(page.logs).toEqual([logOf(10, 2), short, timed, unplaced]);
    expect(page.blocks[0]).toMatchObject({ number: 10, timestamp: seconds(10) });
  });

  test('a range that is none is refused', async () => {
    await expect(source(await node()).fetchLogs({ from: 5, to: 5 })).rejects.toThrow(RangeError);
  });
});

describe('answers that are not believed', () => {
  const last = (block: object) => (call: { params: unknown[] }) =>
    call.params[0] === hex(14) ? { result: { ...blockOf(14), ...block } } : undefined;
  const logs = (result: unknown) => (call: { method: string }) =>
    call.method === 'eth_getLogs' ? { result } : undefined;
  const noTime = (block: number) => without(logOf(block, 0), 'blockTimestamp');

  test.each([
    ['no list', { answer: logs(null) }, 'UPSTREAM_BAD_BODY'],
    ['a log that is no object', { answer: logs(['log']) }, 'UPSTREAM_BAD_BODY'],
    ['a log of another range', { answer: logs([logOf(20, 0)]) }, 'UPSTREAM_BAD_BODY'],
    [
      'a log without block number',
      { answer: logs([logOf(12, 0, { blockNumber: 'x' })]) },
      'UPSTREAM_BAD_BODY',
    ],
    [
      'a log of another contract',
      { answer: logs([logOf(12, 0, { address: word(1) })]) },
      'UPSTREAM_BAD_BODY',
    ],
    ['a log of another event', { answer: logs([logOf(12, 0, { topics: [word(1)] })]) }, 'UPSTREAM_BAD_BODY'],
    ['a removed log', { answer: logs([logOf(12, 0, { removed: true })]) }, 'UPSTREAM_BAD_BODY'],
    [
      'two logs at one place',
      { answer: logs([logOf(12, 0), logOf(12, 0, { data: '0x' })]) },
      'UPSTREAM_BAD_BODY',
    ],
    [
      'two blocks of one number',
      { answer: logs([logOf(12, 0), logOf(12, 2, { blockHash: word(7) })]) },
      'UPSTREAM_BAD_BODY',
    ],
    ['no last block', { head: 13 }, 'UPSTREAM_LAGGING'],
    [
      'another last block than the logs are of',
      { logs: [logOf(14, 0)], answer: last({ hash: word(7) }) },
      'UPSTREAM_LAGGING',
    ],
    ['another last block than was asked for', { answer: last({ number: '0xf' }) }, 'UPSTREAM_BAD_BODY'],
    ['a block without a hash', { answer: last({ hash: null }) }, 'UPSTREAM_BAD_BODY'],
    [
      'a block of a log that is another by now',
      { logs: [noTime(12)], block: (n: number) => blockOf(n, n === 12 ? 'f' : '') },
      'UPSTREAM_LAGGING',
    ],
    [
      'a block without its parent',
      { logs: [logOf(13, 0)], answer: last({ parentHash: word(7) }) },
      'UPSTREAM_LAGGING',
    ],
    [
      'a hole in the chain',
      { logs: [noTime(12)], block: (n: number) => (n === 12 ? null : blockOf(n)) },
      'UPSTREAM_LAGGING',
    ],
  ])('%s', async (_name, options, code) => {
    const polygon = source(await node(options));
    expect(await failure(polygon.fetchLogs({ from: 10, to: 15 }))).toMatchObject({ code, retry: 'wait' });
  });

  test('an error is one line that holds no key', async () => {
    const key = 'k3y0fAn0wner123';
    const { url } = await node({
      path: `/v2/${key}`,
      intercept: (_calls, response) => {
        sendJson(
          response,
          { jsonrpc: '2.0', id: 1, error: { code: -32600, message: `${key} must be\nauthenticated` } },
          401,
        );
        return true;
      },
    });
    const error = await failure(source({ url }).heads());
    expect(error).toMatchObject({ code: 'UPSTREAM_REJECTED', retry: 'never' });
    expect(error.message).toBe(
      `Polygon (${new URL(url).origin}) answered with status 401: … must be authenticated`,
    );
    expect(JSON.stringify(error)).not.toContain(key);
  });
});

describe('batches', () => {
  const tooMany = { code: 31, message: 'Batch of more than 3 requests are not allowed on free tier' };
  const logs = [10, 11, 12, 13, 14, 15].map((block) => without(logOf(block, 0), 'blockTimestamp'));

  test.each([
    ['a status and a text', 500, tooMany],
    ['an error in place of a list', 200, { jsonrpc: '2.0', error: tooMany, id: null }],
    ['a list with an error without id', 200, [{ jsonrpc: '2.0', error: tooMany, id: null }]],
  ])('a limit told by %s is kept to in the same call, and remembered', async (_name, status, body) => {
    const { url, requests } = await node({
      logs,
      intercept: (calls, response) => {
        if (calls.length > 3) sendJson(response, body, status);
        return calls.length > 3;
      },
    });
    const polygon = source({ url });
    const page = await polygon.fetchLogs({ from: 10, to: 20 });
    expect(page.logs.map((log) => log['blockTimestamp'])).toEqual(
      logs.map((_log, i) => blockOf(10 + i).timestamp),
    );
    expect(requests.map((calls) => calls.length)).toEqual([2, 6, 3, 3]);
    await polygon.fetchLogs({ from: 20, to: 26, canonical: true });
    expect(requests.slice(4).map((calls) => calls.length)).toEqual([2, 3, 2]);
  });

  test('an endpoint that takes no batch is asked one call at a time', async () => {
    const { url, requests } = await node({
      intercept: (calls, response) => {
        if (calls.length > 1) sendJson(response, { error: 'invalid request' });
        return calls.length > 1;
      },
    });
    const polygon = source({ url });
    await polygon.fetchLogs({ from: 10, to: 20 });
    await polygon.fetchLogs({ from: 20, to: 30 });
    expect(requests).toEqual([['10-19', '19'], ['10-19'], ['19'], ['20-29'], ['29']]);
  });

  test('an answer that lacks one of the calls is no answer', async () => {
    const { url } = await node({
      intercept: (_calls, response) => (sendJson(response, [{ jsonrpc: '2.0', id: 1, result: [] }]), true),
    });
    expect(await failure(source({ url }).fetchLogs({ from: 1, to: 9 }))).toMatchObject({
      code: 'UPSTREAM_BAD_BODY',
    });
  });
});

describe('ranges', () => {
  const refusing = (most: number, message: string, code = -32602) => ({
    answer: (call: { method: string; params: unknown[] }) =>
      blocksOf(call) > most ? rpcError(message, code) : undefined,
  });

  test('a limit in blocks is taken from the refusal, and never gone beyond again', async () => {
    const { url, requests } = await node(refusing(10, 'eth_getLogs requests with up to a 10 block range'));
    const polygon = source({ url });
    expect((await polygon.fetchLogs({ from: 100, to: 400 })).to).toBe(110);
    expect((await polygon.fetchLogs({ from: 110, to: 400 })).to).toBe(120);
    expect(requests.map(([logs]) => logs)).toEqual(['100-355', '100-109', '110-119']);
  });

  test('a range that the refusal suggests is asked for at once', async () => {
    const text = 'query returned more than 10000 results. Try with this block range [0x64, 0x77].';
    const { url, requests } = await node(refusing(20, text, -32005));
    expect((await source({ url }).fetchLogs({ from: 100, to: 400 })).to).toBe(120);
    expect(requests).toHaveLength(2);
  });

  test('a refusal without a number halves, also when it comes with a status', async () => {
    const { url } = await node({
      intercept: (calls, response) => {
        const refuses = calls.some((call) => blocksOf(call) > 40);
        if (refuses)
          sendJson(
            response,
            { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'block range is too wide' } },
            413,
          );
        return refuses;
      },
    });
    expect((await source({ url }).fetchLogs({ from: 100, to: 400 })).to).toBe(132);
  });

  test('a single block that is refused is too expensive', async () => {
    const polygon = source(await node(refusing(0, 'response too large', -32003)));
    const error = await failure(polygon.fetchLogs({ from: 100, to: 400 }));
    expect(error).toMatchObject({ code: 'UPSTREAM_TOO_EXPENSIVE', retry: 'attempt' });
    expect(error.message).toContain('single block 100');
  });

  test('many logs make the next range smaller', async () => {
    const logs = Array.from({ length: 2000 }, (_, i) => logOf(100, i));
    const polygon = source(await node({ logs }));
    await polygon.fetchLogs({ from: 100, to: 110 });
    expect((await polygon.fetchLogs({ from: 110, to: 400 })).to).toBe(130);
  });

  test('an answer that is too large to read halves the range', async () => {
    const { url } = await node({
      intercept: (calls, response) => {
        const large = calls.some((call) => blocksOf(call) > 150);
        if (large) response.end(`["${'x'.repeat(17 * 1024 * 1024)}"]`);
        return large;
      },
    });
    expect((await source({ url }).fetchLogs({ from: 100, to: 400 })).to).toBe(228);
  });

  test('no answer in time halves the range once, and is an error then', async () => {
    const { url, requests } = await node({ intercept: () => true });
    const polygon = new PolygonSource({
      urls: [url],
      exchanges: [EXCHANGE],
      finalityBlocks: 5,
      timeoutMs: 100,
    });
    expect(await failure(polygon.fetchLogs({ from: 0, to: 400 }))).toMatchObject({
      code: 'UPSTREAM_TIMEOUT',
    });
    expect(requests.map(([logs]) => logs)).toEqual(['0-255', '0-127']);
  });
});

describe('several endpoints', () => {
  const failing = (body: unknown, status = 200) => ({
    intercept: (_calls: unknown, response: Parameters<typeof sendJson>[0]) => (
      sendJson(response, body, status),
      true
    ),
  });

  test('the next one is asked at once, and the one that failed is passed over', async () => {
    const bad = await node(failing({ error: { code: -32603, message: 'Internal error' } }));
    const good = await node({ logs: [logOf(10, 0)] });
    const polygon = source(bad, good);
    const before = bad.requests.length;
    expect((await polygon.fetchLogs({ from: 10, to: 11 })).logs).toHaveLength(1);
    const asked = bad.requests.length;
    expect(asked).toBeGreaterThan(before);
    await polygon.fetchLogs({ from: 10, to: 11 });
    expect(bad.requests).toHaveLength(asked);
    expect(good.requests).toHaveLength(2);
  });

  test('one that is behind is passed over for one that is not', async () => {
    const behind = await node({ head: 5 });
    const good = await node({ logs: [logOf(10, 0)] });
    expect((await source(behind, good).fetchLogs({ from: 10, to: 11 })).logs).toHaveLength(1);
  });

  test('where all fail, the error is one that passes', async () => {
    const locked = await node(failing({ message: 'no' }, 403));
    const busy = await node(failing({}, 429));
    const polygon = source(locked, busy);
    expect(await failure(polygon.heads())).toMatchObject({ code: 'UPSTREAM_RATE_LIMITED', retry: 'wait' });
    expect(await failure(polygon.heads())).toMatchObject({ code: 'UPSTREAM_RATE_LIMITED', retry: 'wait' });
    expect(await failure(source(locked).heads())).toMatchObject({
      code: 'UPSTREAM_REJECTED',
      retry: 'never',
    });
  });

  test('another one than usual can be the first', async () => {
    const [first, second] = [await node(), await node()];
    await source(first, second).fetchLogs({ from: 10, to: 11, rotate: 3 });
    expect([first.requests.length, second.requests.length]).toEqual([0, 1]);
  });

  test('a request that the caller stops goes to no other one', async () => {
    const controller = new AbortController();
    const silent = await node({ intercept: () => (controller.abort(), true) });
    const other = await node();
    const stopped = source(silent, other).fetchLogs({ from: 10, to: 11, signal: controller.signal });
    expect(await failure(stopped)).toMatchObject({ code: 'UPSTREAM_ABORTED' });
    expect(other.requests).toHaveLength(0);
  });

  test('what either of two lacks is put together', async () => {
    const first = await node({ logs: [logOf(10, 0), logOf(12, 3)] });
    const second = await node({ logs: [logOf(10, 0), logOf(11, 1), logOf(12, 2)] });
    const page = await source(first, second).fetchLogs({ from: 10, to: 14, confirm: true });
    expect(placesOf(page.logs)).toEqual(['10/0', '11/1', '12/2', '12/3']);
    expect(page).toMatchObject({ to: 14, witnesses: 2 });
    expect(page.blocks.map(({ number }) => number)).toEqual([10, 11, 12, 13]);
  });

  test('a page goes only as far as both give it', async () => {
    const logs = [logOf(10, 0), logOf(15, 0)];
    const first = await node({ logs });
    const limits = {
      answer: (call: { method: string; params: unknown[] }) =>
        blocksOf(call) > 3 ? rpcError('limited to a 3 block range') : undefined,
    };
    const page = await source(first, await node({ logs, ...limits })).fetchLogs({
      from: 10,
      to: 20,
      confirm: true,
    });
    expect(page).toMatchObject({ to: 13, witnesses: 2, logs: [logOf(10, 0)] });
    expect(page.blocks.at(-1)).toMatchObject({ number: 12, hash: word(12) });
  });

  test('two that are on different chains are not believed', async () => {
    const fork = (block: number) => blockOf(block, 'f');
    const polygon = source(await node(), await node({ block: fork }));
    const error = await failure(polygon.fetchLogs({ from: 10, to: 14, confirm: true }));
    expect(error).toMatchObject({ code: 'UPSTREAM_LAGGING', retry: 'wait' });
  });

  test.each([
    ['is behind', { head: 5 }],
    ['fails', failing('', 500)],
  ])('a second one that %s confirms nothing, and is no error', async (_name, options) => {
    const polygon = source(await node({ logs: [logOf(10, 0)] }), await node(options));
    expect(await polygon.fetchLogs({ from: 10, to: 14, confirm: true })).toMatchObject({
      to: 14,
      witnesses: 1,
    });
  });
});

describe('the block of a second', () => {
  // Slower for a while, as after an outage: 600 s without a block, and 5 s between some.
  const time = (number: number) =>
    1_700_000_000 + 2 * number + (number > 40_000 ? 600 : 0) + 3 * Math.min(number, 9000);
  const chain = { head: 100_000, block: (n: number) => ({ ...blockOf(n), timestamp: hex(time(n)) }) };

  test.each([
    [time(100_000) + 5, 100_000],
    [time(99_000), 99_000],
    [time(99_000) + 1, 99_000],
    [time(40_001) - 1, 40_000],
    [time(5000) - 1, 4999],
    [time(0), 0],
    [time(0) - 10, 0],
  ])('second %i is of block %i, found by a few requests', async (second, number) => {
    const { url, requests } = await node(chain);
    expect(await source({ url }).blockAt(second)).toMatchObject({ number, hash: word(number) });
    expect(requests.length).toBeLessThan(25);
  });
});
