import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { expect, inject, onTestFinished, test } from 'vitest';
import { probeRedis, waitUntil } from '../../src/embedded/probe.ts';
import { PROJECT_ROOT } from '../../src/embedded/processes.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { follow, freePort, temporaryFolder } from '../support/processes.ts';

/** Notes its life in the journal; FAIL names the one that is to fail. */
const program = (name: string, rest: string) => `
  import { appendFileSync } from 'node:fs';
  import { runCommand } from '${name === 'schema' || name === 'dashboard' ? '../' : '../src/'}base/command.ts';
  void runCommand({ name: '${name}', summary: '', async run({ stopped, ready }) {
    const note = (event: string) => appendFileSync(process.env['JOURNAL'] ?? '', '${name} ' + event + '\\n');
    note('up');
    if (process.env['FAIL'] === '${name}') throw new Error('the ${name} have no luck');
    ${rest}
    note('down');
  } });`;

/** The command-line programs as they are, over stand-ins for the schema, the workers and the dashboard. */
async function setUp(more: NodeJS.ProcessEnv = {}) {
  const root = temporaryFolder();
  for (const dir of ['src/base', 'src/domain', 'src/store', 'src/embedded', 'src/cli', 'package.json']) {
    cpSync(join(PROJECT_ROOT, dir), join(root, dir), { recursive: true });
  }
  symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(root, 'node_modules'));
  for (const dir of ['workers', 'src/dashboard']) mkdirSync(join(root, dir));
  writeFileSync(join(root, 'src/cli/schema.ts'), program('schema', ''));
  writeFileSync(join(root, 'workers/main.ts'), program('workers', 'ready(); await stopped;'));
  const url = 'http://127.0.0.1:4711/';
  writeFileSync(
    join(root, 'src/dashboard/main.ts'),
    program('dashboard', `ready({ url: '${url}' }); await stopped;`),
  );

  const journal = join(root, 'journal');
  writeFileSync(journal, '');
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const dataDir = join(root, 'data');
  const env = {
    ...process.env,
    DATA_DIR: dataDir,
    REDIS_URL: redisUrl,
    CLICKHOUSE_URL: inject('clickhouseUrl'),
    CLICKHOUSE_DATABASE: `test_${randomUUID().slice(0, 8)}`,
    JOURNAL: journal,
    LOG_LEVEL: 'info',
    ...more,
  };
  const run = (command: string, ...args: string[]) =>
    follow(
      spawn(process.execPath, ['--import', 'tsx', `src/cli/${command}.ts`, ...args], {
        cwd: root,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  onTestFinished(async () => void (await run('stop').exited), 20_000);
  const events = () => readFileSync(journal, 'utf8').trim().split('\n');
  return { dataDir, redisUrl, url, run, events, runFiles: new RunFiles(dataDir) };
}

test('npm start: services, schema, workers and dashboard; Ctrl-C ends all of it in order, with exit code 0', async () => {
  const { run, events, url, redisUrl, runFiles } = await setUp();
  const start = run('start');
  await start.said('Dashboard: ');
  expect(start.output.stdout).toContain(url);
  expect(await probeRedis(redisUrl)).toBe('service');
  expect(events()[0]).toBe('schema up');
  expect(events().slice(2).sort()).toEqual(['dashboard up', 'workers up']);

  const second = run('start');
  expect((await second.exited).code).toBe(1);
  expect(second.output.stderr).toBe(
    `start: The pipeline of this DATA_DIR already runs (process ${start.pid}): stop it ("npm stop"), or set another DATA_DIR.\n`,
  );

  process.kill(runFiles.read('workers')?.child?.pid ?? 0, 'SIGKILL');
  await start.said('workers runs again');
  start.child.kill('SIGINT');
  expect(await start.exited).toEqual({ code: 0, signal: null });
  expect(events().slice(-2)).toEqual(['dashboard down', 'workers down']);
  expect(await probeRedis(redisUrl)).toBe('nothing');
  expect(runFiles.read('pipeline')).toBeUndefined();
}, 90_000);

test('npm start -- --background returns when it runs; npm stop ends it, then nothing runs', async () => {
  const { run, url, redisUrl, dataDir, events } = await setUp();
  const start = run('start', '--background');
  expect((await start.exited).code).toBe(0);
  expect(start.output.stdout).toContain(`Dashboard: ${url}`);
  expect(await probeRedis(redisUrl)).toBe('service');
  expect(existsSync(join(dataDir, 'logs', 'start.log'))).toBe(true);

  const second = run('start', '--background');
  expect((await second.exited).code).toBe(1);
  expect(second.output.stderr).toMatch(/^start: The pipeline of this DATA_DIR already runs .*\n$/);

  const stop = run('stop');
  expect((await stop.exited).code).toBe(0);
  expect(stop.output.stdout).toMatch(/^Stopped the pipeline \(process \d+\)\.\n$/);
  expect(events().slice(-2)).toEqual(['dashboard down', 'workers down']);
  expect(await probeRedis(redisUrl)).toBe('nothing');
  const again = run('stop');
  expect((await again.exited).code).toBe(0);
  expect(again.output.stdout).toBe('Nothing runs.\n');
}, 90_000);

test.each([
  { failing: 'schema', line: 'start: The schema could not be applied: the schema have no luck\n' },
  { failing: 'workers', line: 'start: workers did not start: the workers have no luck\n' },
])(
  'a $failing that fails is one line, and nothing is left running',
  async ({ failing, line }) => {
    const { run, redisUrl, runFiles } = await setUp({ FAIL: failing });
    const start = run('start');
    expect((await start.exited).code).toBe(1);
    expect(start.output.stderr).toBe(line);
    expect(await probeRedis(redisUrl)).toBe('nothing');
    expect(runFiles.read('pipeline')).toBeUndefined();
  },
  90_000,
);

test('a stop in the middle of a start is clean too', async () => {
  const { run, redisUrl } = await setUp();
  const start = run('start');
  const up = async () => (await probeRedis(redisUrl)) === 'service';
  expect(await waitUntil(up, { timeoutMs: 10_000, intervalMs: 5 })).toBe(true);
  start.child.kill('SIGTERM');
  expect((await start.exited).code).toBe(0);
  expect(start.output.stderr).toBe('');
  expect(await probeRedis(redisUrl)).toBe('nothing');
}, 90_000);
