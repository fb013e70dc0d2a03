import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import {
  database,
  url,
  client,
  newTable,
  rows,
  post,
  rowBinary,
  useClickHouse,
} from '../support/conformance.ts';

useClickHouse();

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
    expect(slowestPing).toBeLessThan(5_000);
  }, 40_000);
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
