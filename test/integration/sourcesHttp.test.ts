import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { getJson, upstream } from '../../src/sources/http.ts';
import { UpstreamError } from '../../src/sources/upstreamError.ts';
import { failure, sendJson, serve } from './sourcesServer.ts';

const SECRET_PATH = '/private/k3y?apikey=s3cret';

function get(url: string, options: { timeoutMs?: number; maxBytes?: number; signal?: AbortSignal } = {}) {
  const { signal, ...limits } = options;
  return getJson(upstream({ name: 'Gamma', url, ...limits }), `${url}${SECRET_PATH}`, signal);
}

test('the JSON of a good answer', async () => {
  const url = await serve((_request, response) => sendJson(response, { markets: ['ü', 1] }));
  expect(await get(url)).toEqual({ markets: ['ü', 1] });
});

describe('statuses', () => {
  test.each([
    [429, 'UPSTREAM_RATE_LIMITED', 'wait'],
    [500, 'UPSTREAM_SERVER_ERROR', 'wait'],
    [502, 'UPSTREAM_SERVER_ERROR', 'wait'],
    [503, 'UPSTREAM_SERVER_ERROR', 'wait'],
    [425, 'UPSTREAM_SERVER_ERROR', 'wait'],
    [408, 'UPSTREAM_TIMEOUT', 'wait'],
    [504, 'UPSTREAM_TIMEOUT', 'wait'],
    [400, 'UPSTREAM_REJECTED', 'never'],
    [403, 'UPSTREAM_REJECTED', 'never'],
    [404, 'UPSTREAM_REJECTED', 'never'],
    [414, 'UPSTREAM_REJECTED', 'never'],
    [422, 'UPSTREAM_REJECTED', 'never'],
  ])('%i is %s', async (status, code, retry) => {
    const url = await serve((_request, response) =>
      sendJson(response, { error: 'offset too\nlarge' }, status),
    );
    const error = await failure(get(url));
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({ code, retry });
    expect(error.message).toContain(`Gamma (${url})`);
    expect(error.message).not.toMatch(/\n|s3cret|k3y/);
    if (status !== 429) expect(error.message).toContain('offset too large');
  });

  test('an HTML error page is not quoted', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html><body>Bad gateway</body></html>');
    });
    expect((await failure(get(url))).message).toBe(`Gamma (${url}) answered with status 502`);
  });

  test('a body that repeats the URL does not carry its secrets into the message', async () => {
    const url = await serve((_request, response) => {
      sendJson(response, { message: `no such page: ${url}${SECRET_PATH}` }, 404);
    });
    expect((await failure(get(url))).message).toBe(
      `Gamma (${url}) answered with status 404: no such page: ${url}`,
    );
  });

  test('Retry-After in seconds is the wait', async () => {
    const url = await serve((_request, response) => response.writeHead(429, { 'retry-after': '7' }).end());
    expect(await failure(get(url))).toMatchObject({ code: 'UPSTREAM_RATE_LIMITED', waitMs: 7000 });
  });

  test('without Retry-After the wait is left to the caller', async () => {
    const url = await serve((_request, response) => response.writeHead(429).end('slow down'));
    expect((await failure(get(url))).waitMs).toBeUndefined();
  });
});

describe('bodies', () => {
  test.each([
    ['HTML', 'text/html', '<html><body>Just a moment</body></html>', 'HTML in place of JSON'],
    ['HTML that calls itself JSON', 'application/json', '<!doctype html><p>hi', 'HTML in place of JSON'],
    ['truncated JSON', 'application/json', '{"markets":[{"id":"1"', 'broken or truncated JSON'],
    ['nothing', 'application/json', '', 'an empty body'],
    ['an error in place of data', 'application/json', '{"error":"database is down"}', 'database is down'],
  ])('%s is a bad body', async (_what, type, body, message) => {
    const url = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': type }).end(body),
    );
    const error = await failure(get(url));
    expect(error).toMatchObject({ code: 'UPSTREAM_BAD_BODY', retry: 'wait' });
    expect(error.message).toContain(message);
  });

  test('"Too Many Requests" with status 200 is a rate limit', async () => {
    const url = await serve((_request, response) => sendJson(response, { error: 'Too Many Requests' }));
    expect(await failure(get(url))).toMatchObject({ code: 'UPSTREAM_RATE_LIMITED', retry: 'wait' });
  });

  test('a body over the limit ends the request', async () => {
    const url = await serve((_request, response) => sendJson(response, { markets: 'x'.repeat(100_000) }));
    const error = await failure(get(url, { maxBytes: 50_000 }));
    expect(error).toMatchObject({ code: 'UPSTREAM_BAD_BODY', shrink: true });
    expect(error.message).toContain('more than 50000 bytes');
  });
});

describe('connections', () => {
  test('nothing listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(get(`http://127.0.0.1:${port}`));
    expect(error).toMatchObject({ code: 'UPSTREAM_UNREACHABLE', retry: 'wait' });
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('reset before an answer', async () => {
    const url = await serve((request) => request.socket.resetAndDestroy());
    expect(await failure(get(url))).toMatchObject({ code: 'UPSTREAM_UNREACHABLE', retry: 'wait' });
  });

  test('cut off in the middle of the body', async () => {
    const url = await serve((request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"markets":[', () => request.socket.destroy());
    });
    expect(await failure(get(url))).toMatchObject({ code: 'UPSTREAM_UNREACHABLE', retry: 'wait' });
  });

  test('no answer in time', async () => {
    const url = await serve(() => undefined);
    const error = await failure(get(url, { timeoutMs: 50 }));
    expect(error).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'wait', shrink: true });
    expect(error.message).toBe(`Gamma (${url}) gave no whole answer within 50 ms`);
  });

  test('a body that stops coming', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"markets":[');
    });
    expect(await failure(get(url, { timeoutMs: 50 }))).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });

  test("the caller's signal ends the request, also one that was set before", async () => {
    const controller = new AbortController();
    const url = await serve(() => controller.abort());
    expect(await failure(get(url, { signal: controller.signal }))).toMatchObject({
      code: 'UPSTREAM_ABORTED',
      retry: 'wait',
    });
    expect(await failure(get(url, { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'UPSTREAM_ABORTED',
    });
  });
});
