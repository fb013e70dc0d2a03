import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { ClickHouseError, ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clickHouseCommand } from '../../src/embedded/clickhouse/launch.ts';

/**
 * What this program needs of ClickHouse over HTTP. Runs against the embedded engine, or, with CONFORMANCE_URL, against any
 * server: both must pass (the last group is about the embedded process alone).
 */
const external = process.env['CONFORMANCE_URL'];
const directories: string[] = [];
const processes = new Set<ChildProcess>();
const database = `conformance_${randomUUID().replaceAll('-', '')}`;
let url: string;
let client: ClickHouseClient;

async function startEmbedded(path: string, password = ''): Promise<{ url: string; process: ChildProcess }> {
  const { command, args, env } = clickHouseCommand({ host: '127.0.0.1', port: 0, path, password });
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.add(child);
  child.once('exit', () => processes.delete(child));
  for await (const line of createInterface({ input: child.stdout })) {
    const { port } = JSON.parse(line) as { port: number };
    return { url: `http://127.0.0.1:${port}`, process: child };
  }
  throw new Error('the embedded ClickHouse ended before it was ready');
}

function dataDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'clickhouse-conformance-'));
  directories.push(path);
  return path;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, 'exit') as Promise<[number | null]>;
  child.kill(signal);
  return (await exit)[0];
}

beforeAll(async () => {
  url = external ?? (await startEmbedded(dataDirectory())).url;
  const admin = createClient({ url });
  await admin.command({ query: `CREATE DATABASE ${database}` });
  await admin.close();
  client = createClient({ url, database, max_open_connections: 20, log: { level: ClickHouseLogLevel.OFF } });
}, 30_000);

afterAll(async () => {
  await client.command({ query: `DROP DATABASE ${database}` });
  await client.close();
  for (const child of processes) await end(child, 'SIGKILL');
  for (const path of directories) rmSync(path, { recursive: true, force: true });
});

let tables = 0;
async function newTable(columns: string, engine = 'MergeTree ORDER BY tuple()'): Promise<string> {
  const name = `t${tables++}`;
  await client.command({ query: `CREATE TABLE ${name} (${columns}) ENGINE = ${engine}` });
  return name;
}

async function rows<T = unknown[]>(query: string, query_params?: Record<string, unknown>): Promise<T[]> {
  const result = await client.query({
    query,
    format: 'JSONCompactEachRow',
    ...(query_params ? { query_params } : {}),
  });
  return result.json<T>();
}

async function post(
  query: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> {
  const search = new URLSearchParams({ database, query });
  return fetch(`${url}/?${search.toString()}`, {
    method: 'POST',
    headers,
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  });
}

async function errorOf(action: Promise<unknown>): Promise<{ code: string; type: string | undefined }> {
  const error: unknown = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ClickHouseError);
  const { code, type } = error as ClickHouseError;
  return { code, type };
}

function rowBinary(id: bigint, text: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(id);
  return Buffer.concat([head, Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
}

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

describe('inserts', () => {
  test.each([
    ['JSONEachRow', '{"id":"1","s":"a"}\n{"id":2,"s":"b\\nc"}\n'],
    ['JSONCompactEachRow', '["1","a"]\n[2,"b\\nc"]\n'],
    ['TabSeparated', '1\ta\n2\tb\\nc\n'],
    ['CSV', '1,a\n2,"b\nc"\n'],
    ['CSVWithNames', 'id,s\n1,a\n2,"b\nc"\n'],
    ['Values', `(1,'a'),(2,'b\\nc')`],
    ['RowBinary', Buffer.concat([rowBinary(1n, 'a'), rowBinary(2n, 'b\nc')])],
  ])('%s, with the statement in the URL and in the body', async (format, body) => {
    const table = await newTable('id UInt64, s String', 'MergeTree ORDER BY id');
    const expected = [
      ['1', 'a'],
      ['2', 'b\nc'],
    ];
    const separate = await post(`INSERT INTO ${table} FORMAT ${format}`, body);
    expect([separate.status, await separate.text()]).toEqual([200, '']);
    expect(await rows(`SELECT toString(id), s FROM ${table} ORDER BY id`)).toEqual(expected);
    await client.command({ query: `TRUNCATE TABLE ${table}` });
    const joined = Buffer.concat([
      Buffer.from(`INSERT INTO ${table} (id, s) FORMAT ${format}\n`),
      Buffer.from(body),
    ]);
    expect((await fetch(`${url}/?database=${database}`, { method: 'POST', body: joined })).status).toBe(200);
    expect(await rows(`SELECT toString(id), s FROM ${table} ORDER BY id`)).toEqual(expected);
  });

  test('the client: arrays, streams, exec with values, INSERT SELECT, an empty body', async () => {
    const table = await newTable(
      "id UInt64, s String DEFAULT concat('d', toString(id))",
      'MergeTree ORDER BY id',
    );
    await client.insert({ table, values: [{ id: 1, s: 'ü' }, { id: 2 }], format: 'JSONEachRow' });
    await client.insert({ table, values: [[3, 'x']], format: 'JSONCompactEachRow', columns: ['id', 's'] });
    await client.insert({
      table,
      values: Readable.from([
        [4, 'y'],
        [5, 'z'],
      ]),
      format: 'JSONCompactEachRow',
    });
    const exec = await client.exec({
      query: `INSERT INTO ${table} FORMAT JSONCompactEachRow`,
      values: Readable.from(['[6,"a"]\n[7,', '"b"]\n']),
    });
    exec.stream.resume();
    expect(exec.summary).toMatchObject({ written_rows: '2' });
    await client.command({ query: `INSERT INTO ${table} SELECT number, 's' FROM numbers(8, 2)` });
    expect((await post(`INSERT INTO ${table} FORMAT JSONEachRow`, '')).status).toBe(200);
    const found = await rows(`SELECT toUInt32(id), s FROM ${table} ORDER BY id`);
    expect(found).toEqual([
      [1, 'ü'],
      [2, 'd2'],
      [3, 'x'],
      [4, 'y'],
      [5, 'z'],
      [6, 'a'],
      [7, 'b'],
      [8, 's'],
      [9, 's'],
    ]);
  });

  test('empty lines and semicolons in the data are data, never the next statement', async () => {
    const table = await newTable('id UInt64, s String', 'MergeTree ORDER BY id');
    const attack = `x\n\nINSERT INTO ${table} VALUES (666, 'no');`;
    const values = [
      { id: 1, s: attack },
      { id: 2, s: '; SELECT 1' },
    ];
    await client.insert({ table, values, format: 'JSONEachRow' });
    const csv = `3,"${attack}"\n4,"a\n\nb"\n`;
    expect((await post(`INSERT INTO ${table} FORMAT CSV`, csv)).status).toBe(200);
    expect(
      (
        await post(
          `INSERT INTO ${table} SETTINGS max_threads = 1 FORMAT JSONEachRow`,
          '{"id":5,"s":"a"}\n\n{"id":6}\n',
        )
      ).status,
    ).toBe(200);
    expect(
      (await post(`INSERT INTO ${table} VALUES`, `(7, 'a'); INSERT INTO ${table} VALUES (667, 'no')`)).status,
    ).not.toBe(500);
    expect(
      (await post(`INSERT INTO ${table} FORMAT TSV`, `\n\nINSERT INTO ${table} VALUES (668, 'no')`)).status,
    ).toBe(400);
    const found = await rows(`SELECT toUInt32(id), s FROM ${table} WHERE id != 7 ORDER BY id`);
    const expected = [
      [1, attack],
      [2, '; SELECT 1'],
      [3, attack],
      [4, 'a\n\nb'],
      [5, 'a'],
      [6, ''],
    ];
    expect(found).toEqual(expected);
  });

  test('the summary counts what was written', async () => {
    const table = await newTable('id UInt64');
    const { summary } = await client.insert({ table, values: [{ id: 1 }, { id: 2 }], format: 'JSONEachRow' });
    expect(summary).toMatchObject({ written_rows: '2', written_bytes: '16', result_rows: '2' });
    expect(Number(summary?.elapsed_ns)).toBeGreaterThan(0);
  });

  test('a body of more than 100 MB', async () => {
    const table = await newTable('id UInt64, s String');
    const line = (id: number) => `[${id},"${'x'.repeat(200)}"]\n`;
    function* body() {
      for (let at = 0; at < 550_000; at += 5_000) {
        yield Buffer.from(Array.from({ length: 5_000 }, (_, index) => line(at + index)).join(''));
      }
    }
    const settings = '&min_insert_block_size_rows=100000';
    const search = new URLSearchParams({ database, query: `INSERT INTO ${table} FORMAT JSONCompactEachRow` });
    const request = { method: 'POST', body: Readable.from(body()), duplex: 'half' } as unknown as RequestInit;
    const sent = fetch(`${url}/?${search.toString()}${settings}`, request);
    let slowestPing = 0;
    let open = true;
    void sent.finally(() => (open = false));
    while (open) {
      const from = performance.now();
      await (await fetch(`${url}/ping`)).text();
      slowestPing = Math.max(slowestPing, performance.now() - from);
    }
    const response = await sent;
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(JSON.parse(response.headers.get('x-clickhouse-summary') ?? '{}')).toMatchObject({
      written_rows: '550000',
    });
    expect(
      await rows(`SELECT toUInt32(count()), toUInt32(uniqExact(id)), toUInt32(sum(length(s))) FROM ${table}`),
    ).toEqual([[550_000, 550_000, 110_000_000]]);
    expect(slowestPing).toBeLessThan(2_000);
  }, 40_000);
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

describe('results', () => {
  test('64-bit integers and decimals are exact', async () => {
    const text = await (await post(`SELECT toUInt64('18446744073709551615') AS n FORMAT JSONEachRow`)).text();
    expect(text).toMatch(/^\{"n":"?18446744073709551615"?\}\n$/);
  });

  test.each(['RowBinary', 'Native', 'Parquet'])('%s comes back byte for byte', async (format) => {
    const made = await post(
      `SELECT number AS id, concat(unhex('00ff0a0d'), toString(number)) AS s FROM numbers(70000) FORMAT ${format}`,
    );
    const bytes = Buffer.from(await made.arrayBuffer());
    const table = await newTable('id UInt64, s String');
    expect((await post(`INSERT INTO ${table} FORMAT ${format}`, bytes)).status).toBe(200);
    const check = `SELECT toUInt32(count()), toUInt32(uniqExact(id)), toUInt32(countIf(s = concat(unhex('00ff0a0d'), toString(id)))) FROM ${table}`;
    expect(await rows(check)).toEqual([[70_000, 70_000, 70_000]]);
  });

  test('a large one streams; a reader that stops early harms nobody', async () => {
    const query = 'SELECT number, repeat(toString(number), 10) AS s FROM numbers(2000000)';
    const result = await client.query({ query, format: 'JSONCompactEachRow' });
    let seen = 0;
    for await (const part of result.stream()) seen += (part as unknown[]).length;
    expect(seen).toBe(2_000_000);
    for (let round = 0; round < 5; round++) {
      const early = await client.query({ query, format: 'JSONCompactEachRow' });
      for await (const part of early.stream()) if ((part as unknown[]).length > 0) break;
      early.close();
    }
    expect(await rows('SELECT 1')).toEqual([[1]]);
  }, 30_000);
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

describe('engines and views', () => {
  test('ReplacingMergeTree with is_deleted is exact through a view over FINAL', async () => {
    const table = await newTable(
      'id String, price Decimal(18, 6), v UInt64, gone UInt8',
      'ReplacingMergeTree(v, gone) ORDER BY id',
    );
    await client.command({ query: `CREATE VIEW ${table}_now AS SELECT id, price FROM ${table} FINAL` });
    const insert = (values: unknown[][]) => client.insert({ table, values, format: 'JSONCompactEachRow' });
    await insert([
      ['a', '0.1', 1, 0],
      ['b', '0.2', 1, 0],
      ['c', '0.3', 1, 0],
    ]);
    await insert([
      ['a', '0.15', 2, 0],
      ['b', '0.2', 2, 1],
      ['c', '0.1', 0, 0],
    ]);
    const now = `SELECT id, toString(price) FROM ${table}_now ORDER BY id`;
    expect(await rows(now)).toEqual([
      ['a', '0.15'],
      ['c', '0.3'],
    ]);
    await client.command({ query: `OPTIMIZE TABLE ${table} FINAL` });
    expect(await rows(now)).toEqual([
      ['a', '0.15'],
      ['c', '0.3'],
    ]);
    const parts = `SELECT toUInt32(count()) FROM system.parts WHERE database = currentDatabase() AND table = {t:String} AND active`;
    expect(await rows(parts, { t: table })).toEqual([[1]]);
  });

  test('materialised views see inserts; tables default to MergeTree, databases to Atomic', async () => {
    const table = await newTable('id UInt64');
    await client.command({
      query: `CREATE TABLE ${table}_sum (n UInt64) ENGINE = SummingMergeTree ORDER BY tuple()`,
    });
    await client.command({
      query: `CREATE MATERIALIZED VIEW ${table}_mv TO ${table}_sum AS SELECT sum(id) AS n FROM ${table}`,
    });
    await client.insert({ table, values: [{ id: 2 }, { id: 3 }], format: 'JSONEachRow' });
    expect(await rows(`SELECT toUInt32(sum(n)) FROM ${table}_sum`)).toEqual([[5]]);
    await client.command({ query: `CREATE TABLE ${table}_plain (id UInt64 PRIMARY KEY)` });
    const [[engine] = []] = await rows<[string]>(
      `SELECT engine FROM system.tables WHERE name = '${table}_plain' AND database = currentDatabase()`,
    );
    expect(engine).toBe('MergeTree');
    expect(await rows(`SELECT engine FROM system.databases WHERE name = '${database}'`)).toEqual([
      ['Atomic'],
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
