import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, inject, onTestFinished, test } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { ClickHouseRefused, ClickHouseUnavailable, Database } from '../../src/store/clickhouse.ts';
import { pino } from 'pino';
import { schemaReady } from '../../src/store/ready.ts';
import { ClickHouseProxy, type Trouble } from '../support/clickhouseProxy.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

/** What an insert is told when ClickHouse gives these errors, by the names ClickHouse has for them. */
const ERRORS: Record<'server' | 'access' | 'statement' | 'rows', readonly string[]> = {
  server: [
    'READONLY',
    'TABLE_IS_READ_ONLY',
    'TABLE_IS_PERMANENTLY_READ_ONLY',
    'NOT_ENOUGH_SPACE',
    'CANNOT_WRITE_TO_FILE_DESCRIPTOR',
    'CANNOT_OPEN_FILE',
    'CANNOT_CREATE_DIRECTORY',
    'CANNOT_FSYNC',
    'TOO_MANY_PARTS',
    'MEMORY_LIMIT_EXCEEDED',
    'CANNOT_ALLOCATE_MEMORY',
    'TOO_MANY_SIMULTANEOUS_QUERIES',
    'NO_FREE_CONNECTION',
    'CANNOT_SCHEDULE_TASK',
    'SYSTEM_ERROR',
    'SERVER_OVERLOADED',
    'QUOTA_EXCEEDED',
    'TIMEOUT_EXCEEDED',
    'TOO_SLOW',
    'ABORTED',
    'QUERY_WAS_CANCELLED',
    'DNS_ERROR',
    'SOCKET_TIMEOUT',
    'NETWORK_ERROR',
    'ALL_CONNECTION_TRIES_FAILED',
    'S3_ERROR',
    'NO_ZOOKEEPER',
    'KEEPER_EXCEPTION',
    'UNKNOWN_STATUS_OF_INSERT',
    'TOO_FEW_LIVE_REPLICAS',
    'UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE',
    'ALL_REPLICAS_ARE_STALE',
    'PART_IS_TEMPORARILY_LOCKED',
    'ASYNC_LOAD_WAIT_FAILED',
    'TABLE_IS_BEING_RESTARTED',
  ],
  access: [
    'UNKNOWN_USER',
    'WRONG_PASSWORD',
    'REQUIRED_PASSWORD',
    'IP_ADDRESS_NOT_ALLOWED',
    'ACCESS_DENIED',
    'AUTHENTICATION_FAILED',
    'USER_EXPIRED',
  ],
  statement: [
    'UNKNOWN_TABLE',
    'UNKNOWN_DATABASE',
    'NO_SUCH_COLUMN_IN_TABLE',
    'SYNTAX_ERROR',
    'UNKNOWN_SETTING',
    'LOGICAL_ERROR',
    'STD_EXCEPTION',
  ],
  rows: ['CANNOT_PARSE_INPUT_ASSERTION_FAILED', 'INCORRECT_DATA', 'VIOLATED_CONSTRAINT', 'TYPE_MISMATCH'],
};

async function world(requestTimeoutMs?: number): Promise<{ proxy: ClickHouseProxy; database: Database }> {
  const proxy = await ClickHouseProxy.start(inject('clickhouseUrl'));
  return { proxy, database: open(proxy.url, requestTimeoutMs) };
}

function open(url: string, requestTimeoutMs?: number): Database {
  const database = new Database(
    { ...testConfig(testEnvironment()).clickhouse, url, database: 'default' },
    requestTimeoutMs === undefined ? {} : { requestTimeoutMs },
  );
  onTestFinished(() => database.close());
  return database;
}

/** The error of an insert that meets the trouble. */
async function insertMeets(
  { proxy, database }: { proxy: ClickHouseProxy; database: Database },
  trouble: Trouble,
): Promise<AppError> {
  proxy.makeTrouble({ table: 'any' }, trouble);
  const error: unknown = await database
    .insertLines('any', ['a'], ['[1]\n'])
    .catch((thrown: unknown) => thrown);
  proxy.heal();
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}

test('what ClickHouse says about itself waits, what it says about the statement uses an attempt', async () => {
  const { proxy, database } = await world();
  const codes = new Map(
    (
      await database.rows<{ code: number; name: string }>(
        'SELECT toUInt16(number) AS code, errorCodeToName(code) AS name FROM numbers(1100)',
      )
    ).map(({ code, name }) => [name, code]),
  );
  const told: Record<string, string[]> = { server: [], access: [], statement: [], rows: [] };
  for (const name of Object.values(ERRORS).flat()) {
    const code = codes.get(name);
    if (code === undefined) throw new Error(`ClickHouse has no error of the name ${name}`);
    const error = await insertMeets({ proxy, database }, { kind: 'refuse', code });
    expect(error).toBeInstanceOf(ClickHouseRefused);
    const { blame, retry } = error as ClickHouseRefused;
    expect(retry, name).toBe(blame === 'server' || blame === 'access' ? 'wait' : 'attempt');
    told[blame]?.push(name);
    if (blame === 'access') expect(error.message).toContain('check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD');
  }
  expect(told).toEqual(ERRORS);
});

test.each([
  [
    'Code: 1001. DB::Exception: std::__1::__fs::filesystem::filesystem_error: filesystem error: in create_directories: No space left on device ["/var/lib"]. (STD_EXCEPTION)',
    1001,
  ],
  ['std::exception. Code: 1001, type: std::bad_alloc, e.what() = std::bad_alloc (version 26.7)', 1001],
  ['Poco::Exception. Code: 1000, e.code() = 104, Connection reset by peer', 1000],
  ['Code: 1002. DB::Exception: ENOSPC: no space left on device, write. (UNKNOWN_EXCEPTION)', 1002],
  [
    'Code: 76. DB::ErrnoException: Cannot open file /var/lib/x: , errno: 24, strerror: Too many open files. (CANNOT_OPEN_FILE)',
    76,
  ],
])('the operating system under ClickHouse: %s', async (body, code) => {
  const headers = { 'x-clickhouse-exception-code': String(code) };
  const error = await insertMeets(await world(), { kind: 'answer', status: 500, body, headers });
  expect(error).toMatchObject({
    code: 'CLICKHOUSE_REFUSED',
    retry: 'wait',
    serverCode: code,
    blame: 'server',
  });
});

test('a market that quotes an error of the system is still a row to blame', async () => {
  const body =
    'Code: 27. DB::Exception: Cannot parse input: expected \'"\' before: "No space left on device". (CANNOT_PARSE_INPUT_ASSERTION_FAILED)';
  const error = await insertMeets(await world(), { kind: 'answer', status: 400, body });
  expect(error).toMatchObject({ blame: 'rows', retry: 'attempt' });
});

test.each([500, 502, 503, 504, 404, 413, 200])(
  'the page of a gateway with status %i is no answer of ClickHouse: nothing is stored, and the job waits',
  async (status) => {
    const here = await world();
    const page: Trouble = {
      kind: 'answer',
      status,
      body: '<html><title>sorry</title>\n<h1>try again</h1></html>',
    };
    const error = await insertMeets(here, page);
    expect(error).toBeInstanceOf(ClickHouseUnavailable);
    expect(error.retry).toBe('wait');
    expect(error.message).toMatch(/^ClickHouse does not answer at http:\/\/127\.0\.0\.1:\d+ \(.{1,160}\)$/);
    here.proxy.makeTrouble('everything', page);
    await expect(here.database.rows('SELECT 1')).rejects.toThrow(ClickHouseUnavailable);
    await expect(here.database.run('CREATE TABLE x (a Int8) ENGINE = Null')).rejects.toThrow(
      ClickHouseUnavailable,
    );
  },
);

test('an error that comes with status 200, in the body, is an error', async () => {
  const body = 'Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)';
  const headers = { 'x-clickhouse-query-id': 'x' };
  const error = await insertMeets(await world(), { kind: 'answer', status: 200, body, headers });
  expect(error).toMatchObject({ serverCode: 241, retry: 'wait' });
});

test('a server that is away, or breaks the connection, is waited for', async () => {
  const { proxy, database } = await world();
  const broken = await insertMeets({ proxy, database }, { kind: 'late', ms: 0 });
  expect(broken).toMatchObject({ code: 'CLICKHOUSE_UNAVAILABLE', retry: 'wait', timedOut: false });
  await proxy.down();
  await expect(database.rows('SELECT 1')).rejects.toMatchObject({ retry: 'wait', timedOut: false });
});

test('nobody waits for a server that hangs without end', async () => {
  const { proxy, database } = await world(200);
  proxy.hang();
  const late = { code: 'CLICKHOUSE_UNAVAILABLE', retry: 'wait', timedOut: true };
  const started = performance.now();
  // More requests than connections: those that wait for one are given up as well.
  await Promise.all(
    Array.from({ length: 40 }, () => expect(database.rows('SELECT 1')).rejects.toMatchObject(late)),
  );
  await expect(database.run('OPTIMIZE TABLE x')).rejects.toMatchObject(late);
  await expect(database.insertLines('x', ['a'], ['[1]\n'])).rejects.toMatchObject(late);
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(await database.answers(100)).toBe(false);
  proxy.heal();
  await expect.poll(() => database.answers(1_000)).toBe(true);
});

test('a start waits for a server that cannot take the schema yet, not for a wrong password', async () => {
  const proxy = await ClickHouseProxy.start(inject('clickhouseUrl'));
  const config = testConfig(testEnvironment()).clickhouse;
  const database = new Database({ ...config, url: proxy.url });
  onTestFinished(() => database.close());
  const start = () => schemaReady(database, pino({ level: 'silent' }), new AbortController().signal);

  proxy.makeTrouble('everything', { kind: 'refuse', code: 516 });
  await expect(start()).rejects.toMatchObject({ blame: 'access' });
  proxy.heal();

  proxy.makeTrouble('writes', { kind: 'refuse', code: 243 });
  const met = proxy.nextTrouble();
  const started = start();
  await met;
  proxy.heal();
  await started;
  expect(await database.rows('SELECT count() FROM order_events')).toHaveLength(1);
});

test('an answer that stops in its middle is given up', async () => {
  const stop = (answer: ServerResponse) => {
    answer.writeHead(200, { 'x-clickhouse-query-id': 'x', 'content-type': 'application/x-ndjson' });
    answer.write('{"a":1}\n{"a"');
  };
  const server = createServer((incoming, answer) => void incoming.resume().on('end', () => stop(answer)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const database = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 200);
  await expect(database.rows('SELECT 1')).rejects.toMatchObject({ timedOut: true });
  await expect(database.insertLines('x', ['a'], ['[1]\n'])).rejects.toMatchObject({ timedOut: true });
});
