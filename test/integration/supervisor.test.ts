import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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

test('kill -9 at any moment, also while it starts: it is always back, and there is one of it', async () => {
  const { supervisor, node, runFiles, events } = setUp({ maxBackoffMs: 40 });
  await supervisor.start(node('a'));
  // Milliseconds from its start to its end: before it has said a word, while it says that it is ready, after that.
  for (const ms of [0, 400, 5, 30, 250, 0, 120, 60]) {
    const pid = runFiles.read('a')?.child?.pid ?? 0;
    await delay(ms);
    sendSignal(pid, 'SIGKILL');
    expect(await soon(() => isGone(pid) && runFiles.read('a')?.child?.pid !== pid)).toBe(true);
  }
  const last = runFiles.read('a')?.child?.pid ?? 0;
  expect(await soon(() => events().at(-1)?.pid === last)).toBe(true);
  const alive = events().filter(({ pid }) => !isGone(pid));
  expect(alive.map(({ pid }) => pid)).toEqual([last]);
});

test('a child that is killed from outside in its first start is started again, not for ever', async () => {
  const { supervisor, node, lines, runFiles, events } = setUp();
  const start = supervisor.start(node('a'));
  expect(await soon(() => runFiles.read('a')?.child !== undefined)).toBe(true);
  sendSignal(runFiles.read('a')?.child?.pid ?? 0, 'SIGKILL');
  expect(await start).toEqual({ ready: true, name: 'a' });
  expect(lines.map(({ msg }) => msg)).toEqual(['a was killed while it started; trying again']);
  expect(events()).toHaveLength(1);

  const suicidal = { name: 'b', command: 'sh', args: ['-c', 'kill -9 $$'], ready: () => delay(1, false) };
  await expect(supervisor.start(suicidal)).rejects.toThrow('b did not start: it ended with signal SIGKILL');
});

test('what a child can mend itself is mended before the next start, the first one too, and said', async () => {
  const { supervisor, dataDir, lines } = setUp();
  const file = join(dataDir, 'broken');
  const spec: ChildSpec = {
    name: 'a',
    command: 'sh',
    args: ['-c', `test -e '${file}' && echo 'the file is broken' && exit 1; echo fine; exec sleep 600`],
    logFile: join(dataDir, 'a.log'),
    ready: () => Promise.resolve(readFileSync(join(dataDir, 'a.log'), 'utf8').endsWith('fine\n')),
    recover: ({ how, log }) => {
      // Only what it said in this life counts.
      if (how !== 'exit code 1' || log !== 'the file is broken\n') return undefined;
      rmSync(file);
      return 'the broken file is removed';
    },
  };
  writeFileSync(file, '');
  await supervisor.start(spec);
  writeFileSync(file, '');
  sendSignal(new RunFiles(dataDir).read('a')?.child?.pid ?? 0, 'SIGKILL');
  expect(await soon(() => lines.some(({ msg }) => msg === 'a runs again'))).toBe(true);
  expect(lines.filter(({ msg }) => msg === 'the broken file is removed')).toHaveLength(2);
});

test('the input of a child is whole before it begins: nothing hangs on a supervisor that may be killed', async () => {
  const { supervisor, dataDir } = setUp();
  const out = join(dataDir, 'out');
  await supervisor.start({
    name: 'a',
    command: 'sh',
    args: ['-c', `test -f /dev/stdin && cat > '${out}'; exec sleep 600`],
    input: 'a secret',
    ready: () => Promise.resolve(existsSync(out) && readFileSync(out, 'utf8') === 'a secret'),
    readyTimeoutMs: 5_000,
  });
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

test('a Node child whose supervisor is killed while it still loads ends too', async () => {
  const { dataDir, journal, runFiles, events } = setUp();
  const program = runSupervisor(dataDir, journal);
  expect(await soon(() => runFiles.read('node')?.child !== undefined)).toBe(true);
  const node = runFiles.read('node')?.child?.pid ?? 0;
  program.child.kill('SIGKILL');
  expect(isGone(node)).toBe(false);
  expect(events()).toEqual([]);
  expect(await soon(() => isGone(node))).toBe(true);
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

test('of several that take over from a dead supervisor at the same time one wins', async () => {
  const { dataDir, journal, runFiles, events } = setUp();
  const orphan = runProgram('test/support/childFixture.ts', ['a', journal]);
  expect(await soon(() => events().length === 1)).toBe(true);
  await runFiles.claim('a');
  runFiles.note('a', { child: { ...describeProcess(orphan.pid), command: 'redis-server' } });
  const record = runFiles.read('a');
  const dead = { ...record, owner: { ...describeProcess(process.pid), identity: 'of an earlier process' } };
  writeFileSync(join(dataDir, 'run', 'a.json'), JSON.stringify(dead));

  // Each sees the dead one's record, and waits for the end of what it left behind.
  const claims = await Promise.allSettled([1, 2, 3].map(() => new RunFiles(dataDir).claim('a')));
  expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(isGone(orphan.pid)).toBe(true);
  expect(runFiles.running('a')).toEqual({ owner: describeProcess(process.pid) });
});

test('run files that a person has removed are there again with the next start of a child', async () => {
  const { supervisor, node, runFiles } = setUp();
  await supervisor.start(node('a'));
  const pid = runFiles.read('a')?.child?.pid ?? 0;
  rmSync(runFiles.dir, { recursive: true });
  sendSignal(pid, 'SIGKILL');
  expect(await soon(() => runFiles.running('a')?.child !== undefined)).toBe(true);
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
