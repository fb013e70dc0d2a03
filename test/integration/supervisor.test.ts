import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { waitUntil } from '../../src/embedded/probe.ts';
import { nodeCommand, processIdentity, sendSignal } from '../../src/embedded/processes.ts';
import { describeProcess, RunFiles } from '../../src/embedded/runFiles.ts';
import type { ChildSpec } from '../../src/embedded/supervisedChild.ts';
import { Supervisor, type SupervisorOptions } from '../../src/embedded/supervisor.ts';
import { runProgram, temporaryFolder } from '../support/processes.ts';

interface LogLine {
  readonly msg: string;
  readonly child: string;
  readonly retryMs?: number;
}

function setUp(options: Partial<SupervisorOptions> = {}) {
  const dataDir = temporaryFolder();
  const journal = join(dataDir, 'journal');
  writeFileSync(journal, '');
  const lines: LogLine[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as LogLine) });
  const runFiles = new RunFiles(dataDir);
  const supervisor = new Supervisor({ log, runFiles, minBackoffMs: 20, stopMs: 3_000, ...options });
  onTestFinished(async () => {
    await supervisor.stop();
    await runFiles.endOrphans();
  });
  const node = (
    name: string,
    behaviour: readonly string[] = [],
    more: Partial<ChildSpec> = {},
  ): ChildSpec => ({
    name,
    ...nodeCommand('test/support/childFixture.ts', [name, journal, ...behaviour]),
    ipc: true,
    ...more,
  });
  const events = () => readJournal(journal);
  return { dataDir, journal, lines, log, runFiles, supervisor, node, events };
}

interface JournalEvent {
  readonly name: string;
  readonly what: string;
  readonly pid: number;
}

function readJournal(file: string): JournalEvent[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', what = '', pid = ''] = line.split(' ');
      return { name, what, pid: Number(pid) };
    });
}

const isGone = (pid: number) => processIdentity(pid) === undefined;
const soon = (check: () => boolean) => waitUntil(check, { timeoutMs: 8_000, intervalMs: 10 });

test('start resolves with what the child says when it is ready, and notes the process', async () => {
  const { supervisor, node, runFiles, events } = setUp();
  expect(await supervisor.start(node('a'))).toEqual({ ready: true, name: 'a' });
  const pid = events()[0]?.pid ?? 0;
  expect(runFiles.read('a')).toMatchObject({ owner: { pid: process.pid }, child: { pid } });
  await supervisor.stop();
  expect(isGone(pid)).toBe(true);
  expect(runFiles.read('a')).toBeUndefined();
});

test('a child that dies is started again, with a pause that doubles, and one line each', async () => {
  const { supervisor, node, lines, events } = setUp();
  await supervisor.start(node('a'));
  for (let life = 1; life <= 3; life++) {
    expect(await soon(() => events().length === life)).toBe(true);
    expect(await soon(() => lines.filter(({ msg }) => msg === 'a runs again').length === life - 1)).toBe(
      true,
    );
    sendSignal(events().at(-1)?.pid ?? 0, 'SIGKILL');
  }
  expect(await soon(() => events().length === 4)).toBe(true);
  expect(lines.filter(({ retryMs }) => retryMs !== undefined).map(({ msg }) => msg)).toEqual([
    'a ended with signal SIGKILL; starting it again in 20 ms',
    'a ended with signal SIGKILL; starting it again in 40 ms',
    'a ended with signal SIGKILL; starting it again in 80 ms',
  ]);
});

test('a child that lived long enough starts with the first pause again', async () => {
  const { supervisor, node, lines, events } = setUp({ stableMs: 0 });
  await supervisor.start(node('a'));
  for (let life = 1; life <= 2; life++) {
    expect(await soon(() => events().length === life)).toBe(true);
    sendSignal(events().at(-1)?.pid ?? 0, 'SIGKILL');
    expect(await soon(() => lines.filter(({ retryMs }) => retryMs === 20).length === life)).toBe(true);
  }
});

test('a first start that fails is one line with the last words of the child, and leaves nothing', async () => {
  const { supervisor, node, runFiles, events } = setUp();
  await expect(supervisor.start(node('a', ['fail']))).rejects.toThrow(
    'a did not start: the port 1234 is in use',
  );
  expect(runFiles.read('a')).toBeUndefined();
  await expect(supervisor.start({ name: 'b', command: '/no/such/program', args: [] })).rejects.toThrow(
    /^b did not start: .*ENOENT/,
  );
  await expect(supervisor.start(node('c', ['silent'], { readyTimeoutMs: 700 }))).rejects.toThrow(
    'c did not start: it was not ready within 0.7 s',
  );
  expect(events().every(({ pid }) => isGone(pid))).toBe(true);
});

test('stop goes in reverse order, each by its own signal', async () => {
  const { supervisor, node, events } = setUp();
  for (const name of ['a', 'b', 'c']) await supervisor.start(node(name));
  await supervisor.stop();
  const ended = events().filter(({ what }) => what === 'SIGTERM');
  expect(ended.map(({ name }) => name)).toEqual(['c', 'b', 'a']);
});

test('a child that does not stop is killed with all it started; the whole stop keeps its deadline', async () => {
  const { supervisor, node, events } = setUp({ stopMs: 500 });
  await supervisor.start(node('a', ['stubborn', 'grandchild'], { stopTimeoutMs: 60_000 }));
  await supervisor.start(node('b', ['stubborn'], { stopTimeoutMs: 100, stopSignal: 'SIGINT' }));
  const startedAt = performance.now();
  await supervisor.stop();
  const ms = performance.now() - startedAt;
  expect(ms).toBeGreaterThanOrEqual(490);
  expect(ms).toBeLessThan(2_000);
  expect(events().map(({ name, what }) => `${name} ${what}`)).toContain('b SIGINT');
  expect(await soon(() => events().every(({ pid }) => isGone(pid)))).toBe(true);
  expect(events().some(({ what }) => what === 'grandchild')).toBe(true);
});

test('a stop during a start breaks the start off', async () => {
  const { supervisor, node, events } = setUp();
  const start = supervisor.start(node('a', ['silent']));
  const outcome = expect(start).rejects.toMatchObject({ name: 'AbortError' });
  expect(await soon(() => events().length === 1)).toBe(true);
  await supervisor.stop();
  await outcome;
  expect(isGone(events()[0]?.pid ?? 0)).toBe(true);
});

test('one name has one owner: a second supervisor of the same DATA_DIR is refused', async () => {
  const { supervisor, node, dataDir, log } = setUp();
  await supervisor.start(node('a'));
  const second = new Supervisor({ log, runFiles: new RunFiles(dataDir) });
  onTestFinished(() => second.stop());
  await expect(second.start(node('a'))).rejects.toThrow(`already runs (process ${process.pid})`);
});

function runSupervisor(dataDir: string, journal: string) {
  return runProgram('test/support/supervisorFixture.ts', [], {
    env: { DATA_DIR: dataDir, JOURNAL: journal },
  });
}

test('after kill -9 of a supervisor its Node children end by themselves, the others are found and ended', async () => {
  const { dataDir, journal, runFiles, events } = setUp();
  const program = runSupervisor(dataDir, journal);
  await program.said('up\n');
  const plain = runFiles.read('plain')?.child?.pid ?? 0;
  const node = runFiles.read('node')?.child?.pid ?? 0;
  expect([isGone(plain), isGone(node)]).toEqual([false, false]);

  program.child.kill('SIGKILL');
  await once(program.child, 'exit');
  expect(await soon(() => isGone(node))).toBe(true);
  expect(events().map(({ what }) => what)).toContain('disconnect');
  expect(isGone(plain)).toBe(false);

  expect(await runFiles.endOrphans()).toEqual(['plain']);
  expect(isGone(plain)).toBe(true);
  expect(existsSync(join(dataDir, 'run', 'plain.json'))).toBe(false);
});

test('a second signal ends the supervisor at once, with every child', async () => {
  const { dataDir, journal, runFiles } = setUp();
  const program = runSupervisor(dataDir, journal);
  await program.said('up\n');
  const pids = ['plain', 'node'].map((name) => runFiles.read(name)?.child?.pid ?? 0);
  program.child.kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 1_100)); // within the first second it counts as the same signal
  program.child.kill('SIGTERM');
  expect((await program.exited).code).toBe(143);
  expect(await soon(() => pids.every(isGone))).toBe(true);
});

test('a process that only has the id of a dead one is left alone', async () => {
  const { dataDir, runFiles } = setUp();
  await runFiles.claim('a');
  const other = runProgram('test/support/childFixture.ts', ['other', join(dataDir, 'journal')]);
  runFiles.note('a', {
    child: { pid: other.pid, identity: 'of an earlier process', command: 'redis-server' },
  });
  const record = runFiles.read('a');
  const dead = { ...record, owner: { ...describeProcess(process.pid), identity: 'of an earlier process' } };
  writeFileSync(join(dataDir, 'run', 'a.json'), JSON.stringify(dead));
  expect(await runFiles.endOrphans()).toEqual([]);
  expect(isGone(other.pid)).toBe(false);
  expect(runFiles.read('a')).toBeUndefined();
});
