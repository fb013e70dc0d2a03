import { spawn } from 'node:child_process';
import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, inject, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/base/config.ts';
import { clickHouseCommand } from '../../src/embedded/clickhouse/launch.ts';
import { startServices } from '../../src/embedded/services.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { follow, freePort, temporaryFolder } from '../support/processes.ts';

/** An embedded ClickHouse of the test's own, which can be killed and started again over the same files. */
async function setUp() {
  const path = join(temporaryFolder(), 'clickhouse');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const database = new Database({ url, database: 'polymarket', user: 'default', password: '' });
  onTestFinished(() => database.close());
  const start = async () => {
    const { command, args, env } = clickHouseCommand({ host: '127.0.0.1', port, path });
    const program = follow(
      spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    await program.said('"ready":true');
    return program;
  };
  return { path, url, database, start };
}

const BATCH = 100;

test('kill -9 during inserts, merges and DDL, six times: every acknowledged row is there, once', async () => {
  const { database, start } = await setUp();
  let server = await start();
  await migrate(database);
  await database.run(
    'CREATE TABLE acked (batch UInt32, n UInt32, version UInt64) ENGINE = ReplacingMergeTree(version) ORDER BY (batch, n)',
  );
  let running = true;
  let next = 0;
  const acked = new Set<number>();
  const made: string[] = [];
  const untilStopped = async (work: () => Promise<void>) => {
    while (running) await work().catch(() => delay(20));
  };
  const insert = async () => {
    const batch = next++;
    const lines = Array.from({ length: BATCH }, (_, n) => JSON.stringify([batch, n, 1])).join('\n');
    // Twice, as after a crash: what was not acknowledged may be in.
    for (let i = 0; i < 2; i++) await database.insertLines('acked', ['batch', 'n', 'version'], [lines]);
    acked.add(batch);
  };
  const define = async () => {
    const name = `made_${made.length}_${next}`;
    await database.run(`CREATE TABLE ${name} (a UInt8) ENGINE = MergeTree ORDER BY a`);
    await database.run(`CREATE OR REPLACE VIEW view_${name} AS SELECT * FROM ${name}`);
    made.push(name);
    await delay(100);
  };
  const work = [insert, insert, insert, insert, define, () => database.run('OPTIMIZE TABLE acked')];
  const atWork = Promise.all(work.map(untilStopped));

  for (const ms of [700, 150, 900, 20, 500, 300]) {
    const before = acked.size;
    await expect.poll(() => acked.size, { timeout: 20_000 }).toBeGreaterThan(before);
    await delay(ms);
    server.child.kill('SIGKILL');
    await server.exited;
    server = await start();
    expect(server.output.stderr).toBe('');
  }
  running = false;
  await atWork;
  const rows = await database.rows<{ batch: number; rows: string; different: string }>(
    'SELECT batch, count() AS rows, uniqExact(n) AS different FROM acked FINAL GROUP BY batch',
  );
  const whole = rows.filter(({ rows, different }) => Number(rows) === BATCH && Number(different) === BATCH);
  const present = new Set(whole.map(({ batch }) => batch));
  expect(acked.size).toBeGreaterThan(6);
  expect([...acked].filter((batch) => !present.has(batch))).toEqual([]);
  expect(rows.filter(({ rows, different }) => rows !== different)).toEqual([]);
  const tables = await database.rows<{ name: string }>('SHOW TABLES');
  const names = new Set(tables.map(({ name }) => name));
  expect(made.filter((name) => !names.has(name) || !names.has(`view_${name}`))).toEqual([]);
}, 120_000);

test('a part that cannot be read is said in a line when it is set aside, once; the rest is served', async () => {
  const { database, start } = await setUp();
  const first = await start();
  await database.runOutside('CREATE DATABASE polymarket');
  await database.run('CREATE TABLE some (n UInt8) ENGINE = MergeTree ORDER BY n PARTITION BY n');
  await database.run('INSERT INTO some VALUES (1), (2), (3)');
  const [part] = await database.rows<{ path: string }>(
    `SELECT path FROM system.parts WHERE table = 'some' AND partition = '2'`,
  );
  first.child.kill('SIGKILL');
  await first.exited;
  truncateSync(join(part?.path ?? '', 'data.bin'), 3);

  const second = await start();
  expect(second.output.stderr).toMatch(
    /^ClickHouse could not read 1 part of polymarket\.some and set it aside: .* are missing .*\(\/.*detached\/broken-on-start_.*\)\.\n$/,
  );
  expect(await database.rows('SELECT n FROM some ORDER BY n')).toEqual([{ n: 1 }, { n: 3 }]);
  second.child.kill('SIGTERM');
  expect((await second.exited).code).toBe(0);
  expect((await start()).output.stderr).toBe('');
}, 60_000);

test('files it cannot open are one line with the reason of the engine; a directory in use names its process', async () => {
  const { path, url, database, start } = await setUp();
  const first = await start();
  await database.runOutside('CREATE DATABASE polymarket');
  await database.run('CREATE TABLE some (n UInt8) ENGINE = MergeTree ORDER BY n');
  const config = loadConfig({
    REDIS_URL: inject('redisUrl'),
    CLICKHOUSE_URL: url,
    DATA_DIR: join(path, '..'),
  });
  const other = {
    ...config,
    clickhouse: { ...config.clickhouse, url: `http://127.0.0.1:${await freePort()}` },
  };
  const startAgain = (config: typeof other) =>
    startServices(config, { log: pino({ level: 'silent' }), dataDir: config.dataDir });
  await expect(startAgain(other)).rejects.toThrow(
    new RegExp(`^clickhouse did not start: ClickHouse cannot open ${path}: process ${first.pid} is using`),
  );
  // One that is about to end is waited for.
  const waiting = startAgain(other);
  setTimeout(() => first.child.kill('SIGTERM'), 1_000);
  await (await waiting).supervisor.stop();

  const store = join(path, 'store');
  const files = readdirSync(store, { recursive: true, encoding: 'utf8' });
  writeFileSync(join(store, files.find((file) => file.endsWith('/some.sql')) ?? ''), '');
  await expect(startAgain(config)).rejects.toThrow(
    /^clickhouse did not start: ClickHouse cannot open .*: its files are damaged\..* Code: 62\. DB::Exception: .*some\.sql/,
  );
}, 60_000);
