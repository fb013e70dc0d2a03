import { brotliCompressSync, gzipSync } from 'node:zlib';
import { createClient } from '@clickhouse/client';
import { describe, expect, test } from 'vitest';
import {
  database,
  url,
  client,
  newTable,
  rows,
  post,
  errorOf,
  useClickHouse,
} from '../support/conformance.ts';

useClickHouse();

describe('health and plain HTTP', () => {
  test('ping, replicas_status, unknown paths, the bare root', async () => {
    expect(await client.ping()).toMatchObject({ success: true });
    expect(await client.ping({ select: true })).toMatchObject({ success: true });
    expect(await (await fetch(`${url}/ping`)).text()).toBe('Ok.\n');
    expect(await (await fetch(`${url}/replicas_status`)).text()).toBe('Ok.\n');
    expect((await fetch(`${url}/no/such/path`)).status).toBe(404);
    expect(await (await fetch(`${url}/`)).text()).toBe('Ok.\n');
  });

  test('a query by GET, by POST body, and by both, which count as one text', async () => {
    expect(await (await fetch(`${url}/?query=SELECT%201`)).text()).toBe('1\n');
    expect(await (await fetch(url, { method: 'POST', body: 'SELECT 2;' })).text()).toBe('2\n');
    expect(await (await post('SELECT 3,', '4')).text()).toBe('3\t4\n');
  });

  test('headers of an answer', async () => {
    const response = await fetch(`${url}/?query=SELECT%201&query_id=my-id&default_format=JSON`);
    expect(response.headers.get('x-clickhouse-query-id')).toBe('my-id');
    expect(response.headers.get('x-clickhouse-format')).toBe('JSON');
    expect(response.headers.get('x-clickhouse-timezone')).toBeTruthy();
    expect(response.headers.get('x-clickhouse-server-display-name')).toBeTruthy();
    expect(response.headers.get('content-type')).toBe('application/json; charset=UTF-8');
    expect(await response.json()).toMatchObject({ data: [{ '1': 1 }], rows: 1 });
    const byHeader = await fetch(url, {
      method: 'POST',
      body: 'SELECT 1 AS a',
      headers: { 'X-ClickHouse-Format': 'CSVWithNames' },
    });
    expect(await byHeader.text()).toBe('"a"\n1\n');
  });

  test('GET changes nothing', async () => {
    const response = await fetch(
      `${url}/?query=CREATE%20TABLE%20${database}.nope%20(a%20UInt8)%20ENGINE%20=%20Memory`,
    );
    expect(response.status).toBe(500);
    expect(response.headers.get('x-clickhouse-exception-code')).toBe('164');
    expect(await response.text()).toContain('(READONLY)');
  });

  test('several statements, or none, are a syntax error', async () => {
    expect(await errorOf(client.command({ query: 'SELECT 1; SELECT 2' }))).toEqual({
      code: '62',
      type: 'SYNTAX_ERROR',
    });
    expect((await fetch(url, { method: 'POST', body: ' -- nothing' })).status).toBe(400);
    expect(await rows(`SELECT 'a;b' /* ; */, "x;y" FROM (SELECT 1 AS "x;y")`)).toEqual([['a;b', 1]]);
  });
});

describe('compression', () => {
  test('gzip both ways, through the client', async () => {
    const zipped = createClient({ url, database, compression: { request: true, response: true } });
    try {
      const table = await newTable('id UInt64');
      await zipped.insert({
        table,
        values: Array.from({ length: 1_000 }, (_, id) => ({ id })),
        format: 'JSONEachRow',
      });
      const result = await zipped.query({
        query: `SELECT id FROM ${table} ORDER BY id`,
        format: 'JSONEachRow',
      });
      expect(await result.json()).toHaveLength(1_000);
      const json = await zipped.query({ query: `SELECT count() AS n FROM ${table}` });
      expect(await json.json()).toMatchObject({ rows: 1 });
    } finally {
      await zipped.close();
    }
  });

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const)('a %s body; an answer only when asked for', async (encoding, compress) => {
    const table = await newTable('id UInt64');
    const body = compress(Buffer.from('1\n2\n'));
    expect(
      (await post(`INSERT INTO ${table} FORMAT TSV`, body, { 'Content-Encoding': encoding })).status,
    ).toBe(200);
    expect(await rows(`SELECT toUInt32(sum(id)) FROM ${table}`)).toEqual([[3]]);
    const plain = await fetch(`${url}/?query=SELECT%201`, { headers: { 'Accept-Encoding': encoding } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    const packed = await fetch(`${url}/?query=SELECT%201&enable_http_compression=1`, {
      headers: { 'Accept-Encoding': encoding },
    });
    expect([packed.headers.get('content-encoding'), await packed.text()]).toEqual([encoding, '1\n']);
  });
});

describe('query parameters', () => {
  const text = `it's "q" \\ back\\n\nline\ttab\r ünï 🎲 ; -- {x:String} '; DROP TABLE t`;
  test.each([
    ['String', text, text],
    ['String', '', ''],
    ['Array(String)', [text, `a'b`, ''], [text, `a'b`, '']],
    ['Array(UInt64)', ['1', '18446744073709551615'].map(BigInt), ['1', '18446744073709551615']],
    ['UInt64', 18446744073709551615n, '18446744073709551615'],
    ['Int32', -5, -5],
    ['Float64', 1.5, 1.5],
    ['Decimal(38, 6)', '12345678901234567890.123456', '12345678901234567890.123456'],
    ['DateTime', new Date('2024-02-29T12:34:56Z'), '2024-02-29 12:34:56'],
    ['DateTime64(3)', new Date('2024-02-29T12:34:56.789Z'), '2024-02-29 12:34:56.789'],
    ['Date', '2024-02-29', '2024-02-29'],
    ['Bool', true, true],
    ['Nullable(String)', null, null],
    ['Nullable(UInt8)', 7, 7],
    ['Map(String, UInt8)', { a: 1, b: 2 }, { a: 1, b: 2 }],
  ])('%s (%#)', async (type, value, expected) => {
    const settings = {
      output_format_json_quote_64bit_integers: 1,
      output_format_json_quote_decimals: 1,
    } as const;
    const query = `SELECT {p:${type}}`;
    const result = await client.query({
      query,
      format: 'JSONCompactEachRow',
      query_params: { p: value },
      clickhouse_settings: { ...settings, session_timezone: 'UTC' },
    });
    expect(await result.json()).toEqual([[expected]]);
  });

  test('as a name, in LIMIT, many at once as multipart, and missing', async () => {
    const table = await newTable('id UInt64');
    await client.insert({ table, values: [{ id: 1 }, { id: 2 }], format: 'JSONEachRow' });
    expect(
      await rows('SELECT toUInt32(id) FROM {t:Identifier} ORDER BY id LIMIT {n:UInt32}', { t: table, n: 1 }),
    ).toEqual([[1]]);
    const result = await client.query({
      query: 'SELECT length({ids:Array(String)}) AS n, {text:String} AS s',
      query_params: { ids: Array.from({ length: 20_000 }, (_, id) => `token-${id}`), text },
      format: 'JSONCompactEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      use_multipart_params: true,
    });
    expect(await result.json()).toEqual([[20_000, text]]);
    expect(await errorOf(rows('SELECT {gone:String}'))).toEqual({
      code: '456',
      type: 'UNKNOWN_QUERY_PARAMETER',
    });
  });

  test('fifty at the same time keep their own values', async () => {
    const asked = Array.from({ length: 50 }, (_, index) => `value ${index}`);
    const answers = await Promise.all(asked.map((p) => rows('SELECT {p:String}', { p })));
    expect(answers.map((answer) => answer[0]?.[0])).toEqual(asked);
  });
});

describe('settings', () => {
  test('hold for one request and never for the next', async () => {
    const query = `SELECT getSetting('max_threads') AS threads, getSetting('log_comment') AS comment`;
    const before = await rows(query);
    const set = () =>
      client.query({
        query,
        format: 'JSONCompactEachRow',
        clickhouse_settings: { max_threads: 3, log_comment: `it's` },
      });
    const plain = () => client.query({ query, format: 'JSONCompactEachRow' });
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => (await (index % 2 === 0 ? set() : plain())).json()),
    );
    answers.forEach((answer, index) => {
      if (index % 2 === 0) expect((answer as unknown[][])[0]?.[1]).toBe(`it's`);
      else expect(answer).toEqual(before);
    });
    await client.command({ query: 'SET max_threads = 7' });
    await client.command({ query: 'USE system' });
    expect(await rows(query)).toEqual(before);
    expect(await rows('SELECT currentDatabase()')).toEqual([[database]]);
    expect(await (await fetch(`${url}/?query=SELECT%20currentDatabase()`)).text()).toBe('default\n');
  });

  test('a deduplication token holds for its insert only', async () => {
    const table = await newTable(
      'id UInt64',
      'MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100',
    );
    const insert = (id: number, insert_deduplication_token?: string) =>
      client.insert({
        table,
        values: [{ id }],
        format: 'JSONEachRow',
        clickhouse_settings: insert_deduplication_token === undefined ? {} : { insert_deduplication_token },
      });
    await insert(1, 'token-a');
    await insert(2, 'token-a');
    for (let id = 3; id < 20; id++) await insert(id);
    await insert(20, 'token-b');
    const ids = await rows<[number]>(`SELECT toUInt32(id) FROM ${table} ORDER BY id`);
    expect(ids.flat()).toEqual([1, ...Array.from({ length: 18 }, (_, index) => index + 3)]);
  });

  test('an unknown setting, a wrong value, an unknown database', async () => {
    const setting = (name: string, value: string) => fetch(`${url}/?query=SELECT%201&${name}=${value}`);
    expect((await setting('no_such_setting', '1')).headers.get('x-clickhouse-exception-code')).toBe('115');
    expect((await setting('max_threads', 'abc')).status).toBe(400);
    expect((await setting('database', 'no_such_database')).headers.get('x-clickhouse-exception-code')).toBe(
      '81',
    );
  });
});
