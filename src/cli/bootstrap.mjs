/*
 * node src/cli/bootstrap.mjs COMMAND [options]: what every npm script runs. Plain JavaScript without dependencies: it
 * also works right after a clone, when it first installs them. Then the command runs in this very process, so that
 * signals and the exit code are the program's own.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MIN_NODE = [20, 19];

const COMMANDS = {
  demo: 'src/cli/demo.ts',
  start: 'src/cli/start.ts',
  workers: 'workers/main.ts',
  dashboard: 'src/dashboard/main.ts',
  services: 'src/cli/services.ts',
  schema: 'src/cli/schema.ts',
  doctor: 'src/cli/doctor.ts',
  'send-test': 'src/cli/sendTest.ts',
  backfill: 'src/cli/backfill.ts',
  coverage: 'src/cli/coverage.ts',
  recount: 'src/cli/recount.ts',
  quarantine: 'src/cli/quarantine.ts',
  stop: 'src/cli/stop.ts',
  test: 'src/cli/runTests.ts',
  bench: 'test/bench/main.ts',
  chaos: 'test/chaos/main.ts',
};

/** The holder of the lock touches it each second; one that old was left by a process that is gone. */
const STALE_LOCK_MS = 15_000;

function fail(line, code = 1) {
  process.stderr.write(`${line}\n`);
  process.exit(code);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [minMajor, minMinor] = MIN_NODE;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return;
  fail(
    `Node.js ${MIN_NODE.join('.')} or newer is needed, this is ${process.versions.node}: install a newer one (nodejs.org).`,
  );
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(join(ROOT, file), 'utf8')).packages ?? {};
  } catch {
    return undefined;
  }
}

/**
 * True when node_modules holds what package-lock.json says. npm keeps a lockfile of what it installed in node_modules,
 * written last. Optional packages may be absent (another platform), development ones where they are not needed (images).
 */
function isInstalled(withDev) {
  const wanted = readPackages('package-lock.json');
  const present = readPackages('node_modules/.package-lock.json');
  if (wanted === undefined) return fail(`package-lock.json is missing or damaged in ${ROOT}: clone again.`);
  if (present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const there = present[path];
    if (there !== undefined) return there.version === entry.version && there.integrity === entry.integrity;
    return entry.optional || entry.devOptional || entry.peer || (entry.dev && !withDev);
  });
}

/** Installs once, however many commands are started at the same time on a fresh clone. */
async function install(withDev) {
  const id = createHash('sha256').update(ROOT).digest('hex').slice(0, 16);
  const lock = join(tmpdir(), `polymarket-pipeline-install-${userInfo().uid}-${id}.lock`);
  let saidSo = false;
  while (!isInstalled(withDev)) {
    if (!takeLock(lock)) {
      if (!saidSo) process.stderr.write('Another process is installing the dependencies: waiting for it.\n');
      saidSo = true;
      await delay(200);
      continue;
    }
    const heartbeat = setInterval(() => utimesSync(lock, new Date(), new Date()), 1_000);
    try {
      // It may have been installed between the look and the lock.
      if (!isInstalled(withDev)) await npmCi(withDev);
    } finally {
      clearInterval(heartbeat);
      rmSync(lock, { force: true });
    }
    if (!isInstalled(withDev))
      fail('npm ci did not install what package-lock.json says: run "npm ci" and see what it says.');
  }
}

function takeLock(lock) {
  try {
    closeSync(openSync(lock, 'wx', 0o600));
    // A signal's default action would leave the lock behind.
    process.once('exit', () => rmSync(lock, { force: true }));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    if (Date.now() - statSync(lock).mtimeMs > STALE_LOCK_MS) rmSync(lock, { force: true });
  } catch {
    // Released in this moment.
  }
  return false;
}

async function npmCi(withDev) {
  process.stderr.write('Installing the dependencies (npm ci), a minute or so.\n');
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(withDev ? ['--include=dev'] : [])];
  const npmCli = process.env.npm_execpath ?? '';
  const [command, prefix] = basename(npmCli) === 'npm-cli.js' ? [process.execPath, [npmCli]] : ['npm', []];
  // What npm says goes to standard error: standard output belongs to the program.
  const npm = spawn(command, [...prefix, ...args], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  const forward = (signal) => npm.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const how = await new Promise((resolve) => {
    npm.once('error', (error) => resolve(error.message));
    npm.once('exit', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)));
  });
  process.off('SIGINT', forward).off('SIGTERM', forward);
  if (how === 'SIGINT' || how === 'SIGTERM') fail('Installation stopped.', how === 'SIGINT' ? 130 : 143);
  if (how !== undefined) fail(`npm ci failed (${how}): see its lines above; is the npm registry reachable?`);
}

const [name = '', ...args] = process.argv.slice(2);
const file = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (file === undefined) {
  fail(
    `${name === '' ? 'No command' : `Unknown command ${name}`}: use one of ${Object.keys(COMMANDS).join(', ')}.`,
    2,
  );
}
checkNode();
// A stop before the command (or the installation) listens itself: nothing has been started yet.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.listenerCount(signal) === 1 && process.exit(0));
}
await install(name === 'test');
const path = join(ROOT, file);
process.argv = [process.execPath, path, ...args];
// The same as `node --import tsx`, but in this process.
await import('tsx');
await import(pathToFileURL(path).href);
