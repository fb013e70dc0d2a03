import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { endpoint } from '../base/config.ts';
import { probeRedis } from './probe.ts';
import { aofDamage, moveAofAside } from './redisAof.ts';
import type { ChildSpec, Exit, Said } from './supervisedChild.ts';

/**
 * The embedded Redis: durable (AOF, fsync each second), never evicts, loopback only, its files under `dataDir/redis`,
 * its log in `dataDir/logs/redis.log`. The whole configuration goes in by standard input, so
 * that no password is seen in the process list or lies in a file.
 * @param url where it is to listen, with its user and password if it has any.
 * @param binary the redis-server or valkey-server to run.
 */
export function redisServer(url: string, binary: string, dataDir: string): ChildSpec {
  const logFile = join(dataDir, 'logs', 'redis.log');
  const dir = redisFolder(dataDir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  return {
    name: 'redis',
    command: binary,
    args: ['-'],
    input: `${redisConfig(url, dir, logFile).join('\n')}\n`,
    logFile,
    ready: async () => (await probeRedis(url)) === 'service',
    lastWords: lastWarning,
    recover: (exit) => recoverAof(exit, dir),
  };
}

/** Where the embedded Redis keeps its files. */
export function redisFolder(dataDir: string): string {
  return join(dataDir, 'redis');
}

function redisConfig(url: string, dir: string, logFile: string): string[] {
  const { host, port } = endpoint(url);
  return [
    // "-" before an address: go on without it where the machine has no such address.
    `bind ${host === 'localhost' ? '127.0.0.1 -::1' : host}`,
    `port ${port}`,
    'daemonize no',
    `dir ${quote(dir)}`,
    `logfile ${quote(logFile)}`,
    'appendonly yes',
    'appendfsync everysec',
    // The AOF is the whole persistence; snapshots beside it would only cost.
    'save ""',
    // BullMQ's keys are not a cache: full memory has to be an error, never a lost job.
    'maxmemory-policy noeviction',
    ...access(url),
  ];
}

function access(url: string): string[] {
  const { username, password } = new URL(url);
  if (password === '') return [];
  const secret = decodeURIComponent(password);
  const user = decodeURIComponent(username);
  if (user === '' || user === 'default') return [`requirepass ${quote(secret)}`];
  const hash = createHash('sha256').update(secret).digest('hex');
  return [`user ${user} on #${hash} ~* &* +@all`, 'user default off'];
}

/** Redis' own quoting: every byte that is not plain printable ASCII as \xHH. */
function quote(text: string): string {
  const bytes = [...Buffer.from(text, 'utf8')].map((byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9_./ -]/.test(char) ? char : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${bytes.join('')}"`;
}

/**
 * Redis says why it cannot start on standard error, or in its log, there in lines marked with "#". Those with "WARNING" are
 * advice about the machine.
 */
function lastWarning({ stderr, log }: Said): string | undefined {
  const warning = log.split('\n').findLast((line) => / # (?!WARNING)/.test(line));
  return stderr.at(-1) ?? warning?.replace(/^.* # /, '');
}

/**
 * A Redis whose append-only file is damaged starts without it. Nothing is repaired: what is in Redis is a buffer that is
 * filled again from the upstreams and ClickHouse, and half of an old state is harder to trust than none.
 */
function recoverAof(exit: Exit, dir: string): string | undefined {
  const damage = aofDamage(exit);
  if (damage === undefined) return undefined;
  const moved = moveAofAside(dir);
  if (moved.length === 0) return undefined;
  return `redis could not read its append-only file (${damage}): kept as ${moved.join(', ')}. It starts empty; what was queued is fetched again.`;
}
