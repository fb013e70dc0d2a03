import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runProgram } from '../support/processes.ts';

const FIXTURE = 'test/support/commandFixture.ts';
const run = (args: string[], options?: Parameters<typeof runProgram>[2]) =>
  runProgram(FIXTURE, args, options);

test('a command that is done ends with 0, after its stop steps, last added first', async () => {
  const program = run(['--verbose'], { env: { DASHBOARD_PORT: '1234' } });
  expect(await program.exited).toEqual({ code: 0, signal: null });
  expect(program.output).toEqual({
    stdout: 'port=1234 verbose=true\nstop-last-added\nstop-first-added\n',
    stderr: '',
  });
});

test('--help says what it does, its options and its settings, and ends with 0', async () => {
  const program = run(['--help'], { env: { DASHBOARD_PORT: 'not read for help' } });
  expect((await program.exited).code).toBe(0);
  expect(program.output.stdout).toContain('npm run fixture -- [options]');
  expect(program.output.stdout).toContain('Stands in for a command');
  expect(program.output.stdout).toMatch(/-m, --mode MODE +What to do\./);
  expect(program.output.stdout).toMatch(/LOG_LEVEL +\[info\]/);
});

test.each([
  { args: ['--bogus'], line: /^fixture: Unknown option '--bogus' .*\n$/ },
  { args: ['extra'], line: /^fixture: Unexpected argument 'extra' .*\n$/ },
  { args: ['--mode'], line: /^fixture: Option '-m, --mode <value>' argument missing .*\n$/ },
])('wrong options end with 2 and one line: $args', async ({ args, line }) => {
  const program = run(args);
  expect((await program.exited).code).toBe(2);
  expect(program.output.stderr).toMatch(line);
});

test('a wrong setting ends with 1 and one line that names it', async () => {
  const program = run([], { env: { DASHBOARD_PORT: '99999' } });
  expect((await program.exited).code).toBe(1);
  expect(program.output.stderr).toMatch(/^fixture: DASHBOARD_PORT=99999 is not allowed.*\n$/);
});

test.each([
  { mode: 'seven', code: 7, stderr: /^$/ },
  { mode: 'app-error', code: 1, stderr: /^fixture: the disk is full: free some space\n$/ },
  { mode: 'bug', code: 1, stderr: /^fixture: x is not a function\n$/ },
  { mode: 'late-bug', code: 1, stderr: /^fixture: thrown from a timer\n$/ },
])('$mode ends with $code, its stop steps done', async ({ mode, code, stderr }) => {
  const program = run(['-m', mode], { env: { LOG_LEVEL: 'info' } });
  expect((await program.exited).code).toBe(code);
  expect(program.output.stderr).toMatch(stderr);
  expect(program.output.stdout).toMatch(/stop-last-added\nstop-first-added\n$/);
});

test('the stack of a bug is shown at LOG_LEVEL=debug', async () => {
  const program = run(['-m', 'bug'], { env: { LOG_LEVEL: 'debug' } });
  expect((await program.exited).code).toBe(1);
  expect(program.output.stderr).toMatch(
    /^fixture: x is not a function\nTypeError: x is not a function\n +at /,
  );
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s stops it cleanly with exit code 0',
  async (signal) => {
    const program = run(['-m', 'serve']);
    await program.said('up\n');
    program.child.kill(signal);
    expect((await program.exited).code).toBe(0);
    expect(program.output).toEqual({
      stdout: 'up\nstopping\nstop-last-added\nstop-first-added\n',
      stderr: '',
    });
  },
);

test('work that is broken off by the stop is no failure', async () => {
  const program = run(['-m', 'abortable']);
  await program.said('up\n');
  program.child.kill('SIGTERM');
  expect((await program.exited).code).toBe(0);
  expect(program.output.stderr).toBe('');
});

test('a signal that arrives twice at once (terminal and npm) is one stop; a later one ends it at once', async () => {
  const program = run(['-m', 'stuck']);
  await program.said('up\n');
  program.child.kill('SIGINT');
  await program.said('stopping\n');
  program.child.kill('SIGINT');
  const early = await Promise.race([program.exited, delay(1_100, 'still stopping')]);
  expect(early).toBe('still stopping');
  program.child.kill('SIGINT');
  expect((await program.exited).code).toBe(130);
});

test('it tells its supervisor that it is ready, and stops when that is gone', async () => {
  const program = run(['-m', 'serve'], { ipc: true });
  const message = await new Promise((resolve) => program.child.once('message', resolve));
  expect(message).toEqual({ ready: true, url: 'http://127.0.0.1:1/' });
  program.child.disconnect();
  expect((await program.exited).code).toBe(0);
  expect(program.output.stdout).toContain('stop-first-added');
});
