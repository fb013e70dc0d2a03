import { describe, expect, test } from 'vitest';
import { GammaSource } from '../../src/sources/gamma.ts';
import { failure, sendJson, serve } from './sourcesServer.ts';

/** A Gamma that always gives this answer, with the requests it got. */
async function gamma(body: unknown, status = 200) {
  const requests: URL[] = [];
  const url = await serve((request, response) => {
    requests.push(new URL(request.url ?? '', 'http://gamma'));
    sendJson(response, body, status);
  });
  return { source: new GammaSource({ url }), requests, url };
}

describe('pages', () => {
  test('a first page, with the parameters of the query', async () => {
    const { source, requests } = await gamma({ markets: [{ id: '1' }, { id: 2 }], next_cursor: 'abc=' });
    expect(await source.fetchMarkets({ closed: false })).toEqual({
      markets: [{ id: '1' }, { id: 2 }],
      nextCursor: 'abc=',
    });
    expect(requests[0]?.pathname).toBe('/markets/keyset');
    expect(Object.fromEntries(requests[0]?.searchParams ?? [])).toEqual({ closed: 'false', limit: '100' });
  });

  test('a later page sends the cursor as after_cursor, whatever its characters', async () => {
    const { source, requests } = await gamma({ markets: [], next_cursor: 'next' });
    await source.fetchMarkets({
      closed: true,
      order: 'endDate',
      ascending: false,
      afterCursor: 'a+/=&b',
      limit: 20,
      endDateMin: '2026-01-01T00:00:00Z',
    });
    expect(Object.fromEntries(requests[0]?.searchParams ?? [])).toEqual({
      closed: 'true',
      limit: '20',
      order: 'endDate',
      ascending: 'false',
      end_date_min: '2026-01-01T00:00:00Z',
      after_cursor: 'a+/=&b',
    });
  });

  test.each([[{ markets: [] }], [{ markets: [], next_cursor: null }], [{ markets: [], next_cursor: '' }]])(
    'the last page: %j',
    async (body) => {
      const { source } = await gamma(body);
      expect((await source.fetchMarkets({ closed: true, afterCursor: 'x' })).nextCursor).toBeUndefined();
    },
  );

  test('the cursor that was sent comes back: an error, not the same page for ever', async () => {
    const { source } = await gamma({ markets: [{ id: '1' }], next_cursor: 'same' });
    expect(await failure(source.fetchMarkets({ closed: false, afterCursor: 'same' }))).toMatchObject({
      code: 'GAMMA_CURSOR_STUCK',
      retry: 'attempt',
    });
  });

  test.each([
    [[]],
    [{}],
    [{ markets: null }],
    [{ markets: {} }],
    [{ data: [] }],
    [{ markets: [], next_cursor: 5 }],
    [null],
    ['x'],
  ])('another shape is no page: %j', async (body) => {
    const { source } = await gamma(body);
    expect(await failure(source.fetchMarkets({ closed: false }))).toMatchObject({
      code: 'UPSTREAM_BAD_BODY',
      retry: 'wait',
    });
  });

  test('a refused query says why', async () => {
    const { source, url } = await gamma(
      { type: 'validation error', error: 'order fields are not valid' },
      422,
    );
    const error = await failure(source.fetchMarkets({ closed: false, order: 'volume_num' }));
    expect(error).toMatchObject({ code: 'UPSTREAM_REJECTED', retry: 'never' });
    expect(error.message).toBe(`Gamma (${url}) answered with status 422: order fields are not valid`);
  });

  test('a body that only says "Too Many Requests"', async () => {
    const { source } = await gamma({ error: 'Too Many Requests' });
    expect(await failure(source.fetchMarkets({ closed: false }))).toMatchObject({
      code: 'UPSTREAM_RATE_LIMITED',
    });
  });

  test('the signal of the caller', async () => {
    const { source } = await gamma({ markets: [] });
    const stopped = source.fetchMarkets({ closed: false, signal: AbortSignal.abort() });
    expect(await failure(stopped)).toMatchObject({ code: 'UPSTREAM_ABORTED' });
  });
});

describe('look-ups', () => {
  const tokens = Array.from({ length: 40 }, (_, n) => (2n ** 256n - 1n - BigInt(n)).toString());

  test('40 token ids as repeated keys, in a URL the server takes', async () => {
    const { source, requests } = await gamma({ markets: [{ id: '1' }] });
    expect(await source.lookupTokens('ctf', tokens, true)).toEqual([{ id: '1' }]);
    expect(requests[0]?.searchParams.getAll('clob_token_ids')).toEqual(tokens);
    expect(requests[0]?.searchParams.get('closed')).toBe('true');
    expect(requests[0]?.href.length).toBeLessThan(8000);
  });

  test('by id', async () => {
    const { source, requests } = await gamma({ markets: [] });
    expect(await source.lookupIds(['1', '2'], false)).toEqual([]);
    expect(requests[0]?.searchParams.getAll('id')).toEqual(['1', '2']);
    expect(requests[0]?.searchParams.get('closed')).toBe('false');
  });

  test('nothing to look up asks nothing', async () => {
    const { source, requests } = await gamma({ markets: [] });
    expect(await source.lookupTokens('ctf', [], true)).toEqual([]);
    expect(requests).toEqual([]);
  });

  test('too many ids', async () => {
    const { source } = await gamma({ markets: [] });
    await expect(source.lookupTokens('ctf', [...tokens, '1'], true)).rejects.toThrow(RangeError);
  });

  test('a full page: the filter was ignored', async () => {
    const { source } = await gamma({ markets: Array.from({ length: 100 }, (_, n) => ({ id: String(n) })) });
    expect(await failure(source.lookupTokens('ctf', ['1'], false))).toMatchObject({
      code: 'UPSTREAM_BAD_BODY',
    });
  });
});
