import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { oneLine } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { StartError } from './supervisor.ts';

const run = promisify(execFile);
const NAMES = ['redis-server', 'valkey-server'] as const;

/** In Debian and Ubuntu this program of the package redis-tools is the server: it acts by the name it is called. */
const DEBIAN_PACKAGE = 'redis-tools';
const DEBIAN_PROGRAM = '/usr/bin/redis-check-rdb';

const WAYS_OUT =
  'install redis-server (or valkey-server), or run "docker compose up -d redis", or set REDIS_URL to a Redis that runs';

export interface RedisBinaryOptions {
  readonly log: Logger;
  /** Where a link to the installed server may be put (in `bin`). */
  readonly dataDir: string;
  readonly signal?: AbortSignal | undefined;
  /** The search path; default `PATH`. */
  readonly path?: string;
}

/**
 * A Redis server program that runs: one on the path, else installed by apt or brew where that needs no password. Only
 * the program is installed, never a system service: no Redis starts by itself, now or at the next boot.
 * @throws StartError with the ways out when there is none and none can be installed.
 */
export async function redisBinary(options: RedisBinaryOptions): Promise<string> {
  const path = options.path ?? process.env['PATH'] ?? '';
  const link = join(options.dataDir, 'bin', 'redis-server');
  const found = findOnPath(NAMES, path) ?? (existsSync(link) ? link : undefined);
  if (found !== undefined) return found;
  try {
    const installed = await install(options, path, link);
    if (installed !== undefined) return await checked(installed);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new StartError(`No Redis server could be installed (${oneLine(error)}): ${WAYS_OUT}.`);
  }
  throw new StartError(`There is no Redis server on this machine: ${WAYS_OUT}.`);
}

async function install(options: RedisBinaryOptions, path: string, link: string): Promise<string | undefined> {
  const { log, signal } = options;
  if (findOnPath(['apt-get'], path) !== undefined) {
    if (existsSync(DEBIAN_PROGRAM)) return linked(link);
    const root = await rootPrefix(path);
    if (root === undefined) return undefined;
    log.info(
      `no Redis server found: installing the package ${DEBIAN_PACKAGE} with apt-get (the program only, no service)`,
    );
    const apt = (...args: string[]) =>
      runQuietly([...root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args], signal);
    const add = ['install', '-y', '--no-install-recommends', DEBIAN_PACKAGE];
    // A new machine has no package lists yet, an old one outdated ones.
    await apt(...add).catch(async () => {
      signal?.throwIfAborted();
      await apt('update');
      await apt(...add);
    });
    return linked(link);
  }
  if (findOnPath(['brew'], path) !== undefined) {
    log.info('no Redis server found: installing it with "brew install redis"');
    await runQuietly(['brew', 'install', '--quiet', 'redis'], signal);
    return findOnPath(NAMES, path);
  }
  return undefined;
}

/** How to run something as root without a password: nothing for root itself, `sudo -n`, or undefined for no way. */
async function rootPrefix(path: string): Promise<string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  if (findOnPath(['sudo'], path) === undefined) return undefined;
  return run('sudo', ['-n', 'true']).then(
    () => ['sudo', '-n'],
    () => undefined,
  );
}

function linked(link: string): string {
  mkdirSync(join(link, '..'), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(DEBIAN_PROGRAM, link);
  return link;
}

async function checked(binary: string): Promise<string> {
  const { stdout } = await run(binary, ['--version']);
  if (!/^(Redis|Valkey) server/i.test(stdout)) throw new Error(`${binary} is not a Redis server`);
  return binary;
}

/** Runs a program to its end; its last line of standard error is the error's message when it fails. */
async function runQuietly(command: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], ...(signal ? { signal } : {}) });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4_096)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(errors.trim().split('\n').at(-1) || `${file} ended with exit code ${code}`);
}

function findOnPath(names: readonly string[], path: string): string | undefined {
  const candidates = names.flatMap((name) => path.split(delimiter).map((dir) => join(dir, name)));
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
