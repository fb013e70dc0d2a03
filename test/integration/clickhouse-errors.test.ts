import { Readable } from 'node:stream';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { describe, expect, test } from 'vitest';
import {
  external,
  database,
  url,
  client,
  startEmbedded,
  dataDirectory,
  end,
  newTable,
  rows,
  post,
  errorOf,
  useClickHouse,
} from '../support/conformance.ts';

useClickHouse();

describe('errors', () => {
  test.each([
    ['a syntax error', 'selec 1', 400, '62', 'SYNTAX_ERROR'],
    ['an unknown table', 'SELECT * FROM no_such_table', 404, '60', 'UNKNOWN_TABLE'],
    ['an unknown column', 'SELECT no_such_column', 404, '47', 'UNKNOWN_IDENTIFIER'],
    ['an unknown function', 'SELECT noSuchFunction(1)', 404, '46', 'UNKNOWN_FUNCTION'],
    ['text that is no number', `SELECT toUInt8('x')`, 400, '6', 'CANNOT_PARSE_TEXT'],
    ['a thrown one', 'SELECT throwIf(1)', 500, '395', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
  ])('%s', async (_name, query, status, code, type) => {
    const response = await fetch(`${url}/?database=${database}`, { method: 'POST', body: query });
    expect(response.status).toBe(status);
    expect(response.headers.get('x-clickhouse-exception-code')).toBe(code);
    const body = await response.text();
    expect(body).toMatch(
      new RegExp(`^Code: ${code}\\. DB::Exception: [\\s\\S]*\\(${type}\\) \\(version [^)]+\\)*`),
    );
    expect(await errorOf(client.query({ query, format: 'JSONEachRow' }))).toEqual({ code, type });
    expect(await errorOf(client.query({ query, format: 'JSON' }))).toEqual({ code, type });
    expect(await errorOf(client.command({ query }))).toEqual({ code, type });
  });

  test('bad insert data names the row and leaves nothing', async () => {
    const table = await newTable('id UInt32, n UInt32');
    const insert = (body: string) =>
      client.exec({ query: `INSERT INTO ${table} FORMAT JSONCompactEachRow`, values: Readable.from([body]) });
    const refused = await post(`INSERT INTO ${table} FORMAT JSONCompactEachRow`, '[1,1]\n[2,"x"]\n');
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('(at row 2)')]);
    expect(await errorOf(insert('[1,1]\n[1,2,3'))).toMatchObject({
      code: expect.stringMatching(/^\d+$/) as string,
    });
    expect(await errorOf(insert('not json'))).toEqual({
      code: '27',
      type: 'CANNOT_PARSE_INPUT_ASSERTION_FAILED',
    });
    expect(await rows(`SELECT toUInt32(count()) FROM ${table}`)).toEqual([[0]]);
    expect(
      await errorOf(client.insert({ table: 'no_such_table', values: [{ a: 1 }], format: 'JSONEachRow' })),
    ).toEqual({
      code: '60',
      type: 'UNKNOWN_TABLE',
    });
  });

  test('a number too large for its column is refused, not bent', async () => {
    const table = await newTable('d Decimal(10, 2)');
    const big = client.insert({
      table,
      values: [{ d: '123456789012345678901234567890.12' }],
      format: 'JSONEachRow',
    });
    expect(await errorOf(big)).toMatchObject({ code: '69', type: 'ARGUMENT_OUT_OF_BOUND' });
  });

  test('one in mid-stream reaches the client', async () => {
    const result = await client.query({
      query: 'SELECT number, throwIf(number = 1500000) FROM numbers(3000000)',
      format: 'JSONCompactEachRow',
      clickhouse_settings: { max_block_size: '10000', max_threads: 1 },
    });
    await expect(result.json()).rejects.toThrow(/throwIf|aborted|exception/i);
    expect(await client.ping()).toMatchObject({ success: true });
  });
});

describe('concurrency', () => {
  test('slow queries hold up neither pings nor inserts nor reads', async () => {
    const table = await newTable('id UInt64');
    const slow = Array.from({ length: 3 }, () =>
      rows('SELECT sleepEachRow(1) FROM numbers(2) SETTINGS max_block_size = 1'),
    );
    const done = Promise.all(slow).then(() => 'slow');
    const quick = (async () => {
      for (let id = 0; id < 20; id++) {
        await (await fetch(`${url}/ping`)).text();
        await client.insert({ table, values: [{ id }], format: 'JSONEachRow' });
        await rows('SELECT 1');
      }
      return 'quick';
    })();
    expect(await Promise.race([done, quick])).toBe('quick');
    await done;
    expect(await rows(`SELECT toUInt32(count()) FROM ${table}`)).toEqual([[20]]);
  });

  test('a client that goes away in mid-query leaves a server that works', async () => {
    const abandon = async (query: string, format: 'JSON' | 'JSONEachRow') => {
      const abort = new AbortController();
      const asked = client.query({ query, format, abort_signal: abort.signal });
      await (await fetch(`${url}/ping`)).text();
      abort.abort();
      await expect(asked).rejects.toThrow();
    };
    const query = 'SELECT sleepEachRow(0.5) FROM numbers(2) SETTINGS max_block_size = 1';
    await Promise.all([abandon(query, 'JSON'), abandon(query, 'JSONEachRow'), abandon(query, 'JSON')]);
    const answers = await Promise.all(Array.from({ length: 30 }, (_, p) => rows('SELECT {p:UInt32}', { p })));
    expect(answers.flat(2)).toEqual(Array.from({ length: 30 }, (_, p) => p));
  });

  test('forty inserts at once are all there', async () => {
    const table = await newTable('id UInt64');
    const batch = (from: number) => Array.from({ length: 500 }, (_, index) => [from + index]);
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        client.insert({ table, values: batch(index * 500), format: 'JSONCompactEachRow' }),
      ),
    );
    expect(await rows(`SELECT toUInt32(count()), toUInt32(uniqExact(id)) FROM ${table}`)).toEqual([
      [20_000, 20_000],
    ]);
  });
});

describe.skipIf(external !== undefined)('the embedded process', () => {
  test('kill -9 loses no acknowledged row and does not block the restart; SIGTERM ends with 0', async () => {
    const path = dataDirectory();
    const first = await startEmbedded(path);
    const writer = createClient({ url: first.url, log: { level: ClickHouseLogLevel.OFF } });
    for (const name of ['default', 'other']) {
      await writer.command({ query: `CREATE DATABASE IF NOT EXISTS ${name}` });
      await writer.command({ query: `CREATE TABLE ${name}.t (id UInt64) ENGINE = MergeTree ORDER BY id` });
    }
    let acknowledged = 0;
    const insert = async () => {
      for (;;) {
        const values = Array.from({ length: 100 }, (_, index) => [acknowledged + index]);
        await writer.insert({ table: 'other.t', values, format: 'JSONCompactEachRow' });
        await writer.insert({ table: 'default.t', values, format: 'JSONCompactEachRow' });
        acknowledged += 100;
        if (acknowledged === 2_000) void end(first.process, 'SIGKILL');
      }
    };
    await expect(insert()).rejects.toThrow();
    await writer.close();
    const second = await startEmbedded(path);
    const reader = createClient({ url: second.url });
    for (const name of ['default', 'other']) {
      const query = `SELECT toUInt32(uniqExact(id)) FROM ${name}.t WHERE id < ${acknowledged}`;
      const result = await reader.query({ query, format: 'JSONCompactEachRow' });
      expect(await result.json()).toEqual([[acknowledged]]);
    }
    const running = reader.query({ query: 'SELECT sleep(1)', format: 'JSONEachRow' });
    const streaming = reader.query({ query: 'SELECT sleep(1)', format: 'JSON' });
    await reader.ping();
    const third = startEmbedded(path);
    await expect(third).rejects.toThrow('ended before it was ready');
    const code = end(second.process, 'SIGTERM');
    expect(await (await running).json()).toHaveLength(1);
    expect(await (await streaming).json()).toMatchObject({ rows: 1 });
    expect(await code).toBe(0);
    await reader.close();
  }, 30_000);

  test('a password is asked for, in any of the ways to give one', async () => {
    const { url: guarded, process: child } = await startEmbedded(dataDirectory(), 'se:cret');
    const ask = (search: string, headers: Record<string, string> = {}) =>
      fetch(`${guarded}/?query=SELECT%201${search}`, { headers });
    const basic = (pair: string) => ({ Authorization: `Basic ${Buffer.from(pair).toString('base64')}` });
    const refused = [
      ask(''),
      ask('', basic('default:wrong')),
      ask('', basic('other:se:cret')),
      ask('&password=x'),
    ];
    for (const response of await Promise.all(refused)) {
      expect([response.status, response.headers.get('x-clickhouse-exception-code')]).toEqual([403, '516']);
    }
    const accepted = [
      ask('', basic('default:se:cret')),
      ask('', { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': 'se:cret' }),
      ask('&user=default&password=se:cret'),
    ];
    for (const response of await Promise.all(accepted)) expect(await response.text()).toBe('1\n');
    expect((await fetch(`${guarded}/ping`)).status).toBe(200);
    expect(await end(child, 'SIGTERM')).toBe(0);
  }, 20_000);
});
