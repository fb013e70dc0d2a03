import { describe, expect, test } from 'vitest';
import { rpcErrorKind, rpcErrorOf, rpcFailure } from '../../src/sources/jsonRpcErrors.ts';
import { upstream } from '../../src/sources/http.ts';
import { rangeHint, RangeSize } from '../../src/sources/polygonRange.ts';

const kindOf = (message: string, code?: number) => rpcErrorKind({ message, code, data: undefined });
const ALCHEMY_SIZE =
  'Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [0x3e8, 0x417]';
const ALCHEMY_FREE =
  'Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [0x3e8, 0x3f1]. Upgrade to PAYG for expanded block range.';
const INFURA = 'query returned more than 10000 results. Try with this block range [0x3e8, 0x44b].';

describe('what a JSON-RPC error asks for', () => {
  test.each([
    ['Batch of more than 3 requests are not allowed on free tier, to use this feature register', 31],
    ['batch too large', -32600],
    ['batch limit exceeded', undefined],
    ['Too many requests in one batch', undefined],
  ])('fewer requests in one: %s', (message, code) => {
    expect(kindOf(message, code)).toBe('batch');
  });

  test.each([
    [ALCHEMY_SIZE, -32602],
    [ALCHEMY_FREE, -32600],
    [INFURA, -32005],
    ['range 1000000 exceeds limit of 10000', -32602],
    ['eth_getLogs is limited to a 10,000 range', -32614],
    ['eth_getLogs is limited to a 5 range, upgrade from free plan at https://quicknode.example/x', -32615],
    ['ranges over 10000 blocks are not supported on freetier', 35],
    ['query exceeds max block range 2000', -32000],
    ['eth_getLogs range is too large, max is 1k blocks', -32000],
    ['eth_getLogs is limited to 1024 block range', -32000],
    ['query exceeds max results 20000, retry with the range 1000-1100', -32602],
    ['logs are limited to a 10000 block range', -32602],
    ['eth_getLogs block range too large, range: 99991, max: 3500', -32000],
    ['exceed maximum block range: 50000', -32701],
    ['Block range limit exceeded. See more details at https://docs.example/limits', -32000],
    ['block range is too wide', -32600],
    ['query timeout exceeded. Consider reducing your block range.', -32005],
    ['backend response too large', -32011],
    ['response too large', -32003],
    ['logs matched by query exceeds limit of 10000', -32000],
    ['please limit the query to at most 1000 blocks', -32602],
    ['requested too many blocks from 1 to 5000, maximum is set to 2048', -32000],
  ])('fewer blocks: %s', (message, code) => {
    expect(kindOf(message, code)).toBe('range');
  });

  test.each([
    ['daily request count exceeded, request rate limited', -32005],
    ['limit exceeded', -32005],
    ['Too many requests, reason: call rate limit exhausted, retry in 10s', -32090],
    ['Your app has exceeded its compute units per second capacity.', 429],
    ['50/second request limit reached - reduce calls per second or upgrade your account', -32007],
  ])('fewer requests a second: %s', (message, code) => {
    expect(kindOf(message, code)).toBe('rate');
  });

  test.each([
    ['unknown block', -32000],
    ['header not found', -32000],
    [
      'One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found. block range extends beyond current head block',
      -32602,
    ],
    ['missing trie node 5c0ee75d (path )', -32000],
    ['invalid block range params', -32602],
    ['pruned history unavailable', 4444],
    ['failed to get logs for block #0 (0xd4e567..cb8fa3)', -32000],
  ])('another node: %s', (message, code) => {
    expect(kindOf(message, code)).toBe('lagging');
  });

  test.each([
    ['Must be authenticated!', -32600],
    ['invalid project id', -32002],
    ['the method eth_getLogs does not exist/is not available', -32601],
    ['invalid argument 0: hex string without 0x prefix', -32602],
  ])('a person: %s', (message, code) => {
    expect(kindOf(message, code)).toBe('rejected');
  });

  test.each([
    ['Request timeout on the free tier, please upgrade', 30, 'timeout'],
    ['Internal error', -32603, 'server'],
    ['no backend is currently healthy to serve traffic', -32011, 'server'],
    ['', undefined, 'server'],
  ])('%j (%s) is %s', (message, code, kind) => {
    expect(kindOf(message, code)).toBe(kind);
  });

  test('the shapes an error comes in', () => {
    expect(rpcErrorOf({ error: { code: -1, message: 'a', data: 'b' } })).toMatchObject({
      code: -1,
      message: 'a b',
    });
    expect(rpcErrorOf({ error: 'text' })).toMatchObject({ message: 'text' });
    expect(rpcErrorOf({ code: 31, message: 'bare' })).toMatchObject({ code: 31, message: 'bare' });
    expect(
      [{ result: null }, { result: 1, error: null }, [], 'x', null]
        .map(rpcErrorOf)
        .every((e) => e === undefined),
    ).toBe(true);
  });

  test('a wait that is named is kept', () => {
    const api = upstream({ name: 'Polygon', url: 'https://rpc.example' });
    const waitOf = (message: string, data?: unknown) =>
      rpcFailure(api, { code: -32005, message, data }).waitMs;
    expect(waitOf('call rate limit exhausted, retry in 10s')).toBe(10_000);
    expect(waitOf('rate limited', { rate: { backoff_seconds: 1.5 } })).toBe(1500);
    expect(waitOf('rate limited')).toBeUndefined();
  });
});

describe('what a refusal says would work', () => {
  test.each([
    [ALCHEMY_SIZE, { now: 48 }],
    [ALCHEMY_FREE, { now: 10, most: 10 }],
    [INFURA, { now: 100 }],
    ['eth_getLogs is limited to a 5 range', { most: 5 }],
    ['query exceeds max block range 200', { most: 200 }],
    ['eth_getLogs range is too large, max is 0.1k blocks', {}],
    ['limited to 128 block range', { most: 128 }],
    ['query exceeds max results 100, retry with the range 1000-1049', { now: 50 }],
    ['eth_getLogs block range too large, range: 255, max: 35', { most: 35 }],
    ['range 255 exceeds limit of 100', { most: 100 }],
    ['exceeds the range allowed for your plan (256 > 100)', { most: 100 }],
    ['requested too many blocks from 1000 to 1255, maximum is set to 64', { most: 64 }],
    ['logs matched by query exceeds limit of 100', {}],
    ['ranges over 10000 blocks are not supported on freetier', {}],
    ['Block range limit exceeded. See https://docs.example/10-blocks', {}],
    ['Try with this block range [0x3e8, 0x1388].', {}],
  ])('of blocks 1000 to 1255: %s', (message, hint) => {
    expect(rangeHint(message, undefined, 1000, 1256)).toEqual(hint);
  });

  test('a limit of thousands', () => {
    expect(rangeHint('range is too large, max is 1k blocks', undefined, 0, 5000)).toEqual({ most: 1000 });
    expect(rangeHint('limited to a 1,024 block range', undefined, 0, 5000)).toEqual({ most: 1024 });
  });

  test('the range in the data of the error', () => {
    const data = { from: '0x3e8', to: '0x3f1', limit: 10_000 };
    expect(rangeHint('query returned more than 10000 results', data, 1000, 1256)).toEqual({ now: 10 });
  });
});

describe('the size of a range', () => {
  test('aims at 4,000 logs an answer and doubles at most', () => {
    const size = new RangeSize();
    expect(size.blocks).toBe(256);
    size.answered(256, 0);
    expect(size.blocks).toBe(512);
    size.answered(512, 51_200);
    expect(size.blocks).toBe(40);
    size.answered(40, 3000);
    expect(size.blocks).toBe(53);
    for (let i = 0; i < 20; i++) size.answered(size.blocks, 0);
    expect(size.blocks).toBe(10_000);
  });

  test('the few blocks of a live tail make it smaller, never larger', () => {
    const size = new RangeSize();
    size.answered(2, 0);
    expect(size.blocks).toBe(256);
    size.answered(2, 200);
    expect(size.blocks).toBe(40);
  });

  test('a limit in blocks is kept, a refusal without a number for ten minutes', () => {
    let now = 0;
    const size = new RangeSize(() => now);
    size.refused(256);
    size.answered(128, 0);
    expect(size.blocks).toBe(128);
    now = 10 * 60_000;
    size.answered(128, 0);
    expect(size.blocks).toBe(256);
    size.refused(256, { most: 10 });
    size.answered(10, 0);
    expect(size.blocks).toBe(10);
  });

  test('a range that would work now is no limit for later', () => {
    const size = new RangeSize();
    size.refused(256, { now: 100 });
    expect(size.blocks).toBe(100);
    size.answered(100, 100);
    expect(size.blocks).toBe(200);
  });
});
