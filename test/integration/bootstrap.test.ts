import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/embedded/processes.ts';
import { follow, temporaryFolder } from '../support/processes.ts';

function bootstrap(root: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return follow(
    spawn(process.execPath, [join(root, 'src/cli/bootstrap.mjs'), ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

/** A clone with the real bootstrap and one local dependency, so that `npm ci` needs no network. */
function freshClone(): string {
  const root = temporaryFolder();
  for (const dir of ['src/cli', 'loader']) mkdirSync(join(root, dir), { recursive: true });
  cpSync(join(PROJECT_ROOT, 'src/cli/bootstrap.mjs'), join(root, 'src/cli/bootstrap.mjs'));
  const json = (file: string, value: unknown) => writeFileSync(join(root, file), JSON.stringify(value));
  json('package.json', { name: 'clone', version: '1.0.0', dependencies: { tsx: 'file:loader' } });
  writeLock(root, '1.0.0');
  json('loader/package.json', { name: 'tsx', version: '1.0.0', type: 'module', exports: './index.js' });
  writeFileSync(
    join(root, 'loader/index.js'),
    `import { register } from 'node:module'; register('./hooks.js', import.meta.url);`,
  );
  writeFileSync(
    join(root, 'loader/hooks.js'),
    `import { readFile } from 'node:fs/promises';
     export const load = async (url, context, next) => url.endsWith('.ts')
       ? { format: 'module', shortCircuit: true, source: await readFile(new URL(url)) } : next(url, context);`,
  );
  writeFileSync(
    join(root, 'src/cli/stop.ts'),
    `process.on('SIGTERM', () => process.exit(9)); console.log(process.argv.slice(1).join(' '));
     if (process.argv[2] === 'wait') setInterval(() => 0, 1000); else process.exitCode = 5;`,
  );
  return root;
}

function writeLock(root: string, version: string): void {
  const packages = {
    '': { name: 'clone', version: '1.0.0', dependencies: { tsx: 'file:loader' } },
    loader: { name: 'tsx', version },
    'node_modules/tsx': { resolved: 'loader', link: true },
  };
  const lock = { name: 'clone', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
}

test('an unknown command is one line with those there are', async () => {
  for (const [args, start] of [
    [['sing'], 'Unknown command sing: '],
    [[], 'No command: '],
  ] as const) {
    const program = bootstrap(PROJECT_ROOT, args);
    expect((await program.exited).code).toBe(2);
    expect(program.output.stderr).toMatch(/use one of demo, start, workers, .*\.\n$/);
    expect(program.output.stderr.startsWith(start)).toBe(true);
  }
});

test('a command runs with its options, its exit code is the program’s', async () => {
  const env = { DATA_DIR: temporaryFolder() };
  const stop = bootstrap(PROJECT_ROOT, ['stop'], env);
  expect((await stop.exited).code).toBe(0);
  expect(stop.output).toEqual({ stdout: 'Nothing runs.\n', stderr: '' });
  const wrong = bootstrap(PROJECT_ROOT, ['stop', '--bogus'], env);
  expect((await wrong.exited).code).toBe(2);
  const help = bootstrap(PROJECT_ROOT, ['start', '--help'], env);
  expect((await help.exited).code).toBe(0);
  expect(help.output.stdout).toContain('npm start -- [options]');
});

test('on a fresh clone one of many installs, then all run; later ones find everything there', async () => {
  const root = freshClone();
  const first = [1, 2, 3].map((n) => bootstrap(root, ['stop', String(n)]));
  const results = await Promise.all(first.map((program) => program.exited));
  expect(first.map(({ output }) => output.stdout)).toEqual(
    [1, 2, 3].map((n) => `${join(root, 'src/cli/stop.ts')} ${n}\n`),
  );
  expect(results.map(({ code }) => code)).toEqual([5, 5, 5]);
  const installing = first.filter(({ output }) => output.stderr.includes('Installing the dependencies'));
  expect(installing).toHaveLength(1);

  const later = bootstrap(root, ['stop']);
  await later.exited;
  expect(later.output.stderr).toBe('');

  // Another version in the lockfile, or a folder that went away, is installed anew.
  writeFileSync(
    join(root, 'loader/package.json'),
    JSON.stringify({ name: 'tsx', version: '2.0.0', type: 'module', exports: './index.js' }),
  );
  writeLock(root, '2.0.0');
  const updated = bootstrap(root, ['stop']);
  expect((await updated.exited).code).toBe(5);
  expect(updated.output.stderr).toContain('Installing the dependencies');
  rmSync(join(root, 'node_modules'), { recursive: true });
  const again = bootstrap(root, ['stop']);
  expect((await again.exited).code).toBe(5);
  expect(again.output.stderr).toContain('Installing the dependencies');
}, 60_000);

test('signals reach the program itself', async () => {
  const root = freshClone();
  const program = bootstrap(root, ['stop', 'wait']);
  await program.said('wait\n');
  program.child.kill('SIGTERM');
  expect((await program.exited).code).toBe(9);
}, 30_000);

test('a failing installation is one clear line and leaves no lock behind', async () => {
  const root = freshClone();
  writeFileSync(
    join(root, 'package.json'),
    JSON.stringify({ name: 'clone', dependencies: { tsx: 'file:other' } }),
  );
  const program = bootstrap(root, ['stop']);
  expect((await program.exited).code).toBe(1);
  expect(program.output.stderr).toMatch(/npm ci failed \(exit code 1\): .*\n$/);
  writeFileSync(
    join(root, 'package.json'),
    JSON.stringify({ name: 'clone', version: '1.0.0', dependencies: { tsx: 'file:loader' } }),
  );
  const mended = bootstrap(root, ['stop']);
  expect((await mended.exited).code).toBe(5);
}, 60_000);
