import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { probeRedis, waitUntil } from '../../src/embedded/probe.ts';
import { redisBinary } from '../../src/embedded/redisBinary.ts';
import { aofDamage, moveAofAside } from '../../src/embedded/redisAof.ts';
import { redisServer } from '../../src/embedded/redisServer.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { Supervisor } from '../../src/embedded/supervisor.ts';
import { freePort, temporaryFolder } from '../support/processes.ts';

const silent = pino({ level: 'silent' });

async function setUp(urlOf: (port: number) => string = (port) => `redis://127.0.0.1:${port}`) {
  const warnings: string[] = [];
  const log = pino(
    { level: 'warn' },
    { write: (line) => void warnings.push((JSON.parse(line) as { msg: string }).msg) },
  );
  const dataDir = join(temporaryFolder(), 'a "folder" with spaces');
  mkdirSync(dataDir);
  const url = urlOf(await freePort());
  const runFiles = new RunFiles(dataDir);
  const supervisor = new Supervisor({ log, runFiles, minBackoffMs: 10 });
  onTestFinished(() => supervisor.stop());
  const spec = redisServer(url, await redisBinary({ log, dataDir }), dataDir);
  return { dataDir, url, runFiles, supervisor, spec, log, warnings };
}

function client(url: string): Redis {
  const redis = new Redis(url, {
    retryStrategy: (tries) => Math.min(tries * 10, 100),
    maxRetriesPerRequest: 200,
  });
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  return redis;
}

test('it runs with the settings the queues need, its files under DATA_DIR', async () => {
  const { dataDir, url, supervisor, spec } = await setUp();
  await supervisor.start(spec);
  const redis = client(url);
  const setting = async (name: string) => (await redis.config('GET', name))[1];
  expect(await setting('appendonly')).toBe('yes');
  expect(await setting('appendfsync')).toBe('everysec');
  expect(await setting('save')).toBe('');
  expect(await setting('maxmemory-policy')).toBe('noeviction');
  expect(await setting('bind')).toBe('127.0.0.1');
  expect(await setting('dir')).toBe(join(dataDir, 'redis'));
  expect(existsSync(join(dataDir, 'redis', 'appendonlydir'))).toBe(true);
  expect(readFileSync(join(dataDir, 'logs', 'redis.log'), 'utf8')).toContain('Ready to accept connections');
});

test('what was written is there again after kill -9 and after a stop', async () => {
  const { url, runFiles, supervisor, spec } = await setUp();
  await supervisor.start(spec);
  const redis = client(url);
  await redis.set('a', '1');
  process.kill(runFiles.read('redis')?.child?.pid ?? 0, 'SIGKILL');
  expect(await redis.get('a')).toBe('1');
  await redis.set('b', '2');
  await supervisor.stop();
  expect(await probeRedis(url)).toBe('nothing');

  const again = new Supervisor({ log: silent, runFiles });
  onTestFinished(() => again.stop());
  await again.start(spec);
  expect(await redis.mget('a', 'b')).toEqual(['1', '2']);
});

/** Where the append-only file is kept, and what was put aside. */
function aofFiles(dataDir: string) {
  const dir = join(dataDir, 'redis');
  const aof = join(dir, 'appendonlydir');
  const file = (end: string) => join(aof, readdirSync(aof).find((name) => name.endsWith(end)) ?? '');
  const broken = () => readdirSync(dir).filter((name) => name.startsWith('appendonlydir.broken-'));
  return { dir, aof, file, broken };
}
type AofFiles = ReturnType<typeof aofFiles>;

test.each([
  {
    damage: 'half a command at its end',
    does: (aof: AofFiles) => appendFileSync(aof.file('.incr.aof'), '*3\r\n$3\r\nSET\r\n$1'),
    keeps: true,
  },
  {
    damage: 'zeros at its end, as a power cut leaves them',
    does: (aof: AofFiles) => appendFileSync(aof.file('.incr.aof'), Buffer.alloc(512)),
    says: /Bad file format/,
  },
  {
    damage: 'garbage in its middle',
    does: ({ file }: AofFiles) => {
      const bytes = readFileSync(file('.incr.aof'));
      // At the second command; what follows is whole.
      bytes.write('garbage', '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n'.length);
      writeFileSync(file('.incr.aof'), bytes);
    },
    says: /Bad file format/,
  },
  {
    damage: 'a broken snapshot',
    does: (aof: AofFiles) => writeFileSync(aof.file('.base.rdb'), 'REDIS0010 and no more'),
    says: /RDB|DB/,
  },
  {
    damage: 'a file of its manifest gone',
    does: (aof: AofFiles) => rmSync(aof.file('.incr.aof')),
    says: /No such file/,
  },
  {
    damage: 'a broken manifest',
    does: (aof: AofFiles) => writeFileSync(aof.file('.manifest'), 'file\0\0\0'),
    says: /manifest/i,
  },
  {
    damage: 'a file in the place of its folder',
    does: ({ aof }: AofFiles) => {
      rmSync(aof, { recursive: true });
      writeFileSync(aof, '');
    },
    says: /Not a directory/,
  },
  {
    damage: 'all of it deleted',
    does: ({ aof }: AofFiles) => rmSync(aof, { recursive: true }),
    keeps: false,
  },
])('an append-only file with $damage does not keep Redis from starting', async ({ does, says, keeps }) => {
  const { dataDir, url, runFiles, supervisor, spec, log, warnings } = await setUp();
  await supervisor.start(spec);
  const redis = client(url);
  for (let i = 0; i < 30; i++) await redis.set(`key ${i}`, 'a value');
  const files = aofFiles(dataDir);

  // At the first start of a supervisor.
  await supervisor.stop();
  does(files);
  const again = new Supervisor({ log, runFiles, minBackoffMs: 10 });
  onTestFinished(() => again.stop());
  await again.start(spec);
  expect(await redis.dbsize()).toBe(keeps === true ? 30 : 0);
  expect(files.broken()).toHaveLength(says === undefined ? 0 : 1);

  // At a restart by a running one.
  await redis.set('another', 'a value');
  const before = warnings.length;
  does(files);
  process.kill(runFiles.read('redis')?.child?.pid ?? 0, 'SIGKILL');
  await redis.set('one more', 'a value');
  expect(files.broken()).toHaveLength(says === undefined ? 0 : 2);
  const lines = warnings.slice(before).filter((line) => line.startsWith('redis could not read'));
  expect(lines).toEqual(says === undefined ? [] : [expect.stringMatching(says)]);
});

test.each([
  {
    name: 'password',
    urlOf: (port: number) => `redis://:s%22e%20c%23%C3%A9%40@127.0.0.1:${port}`,
    user: 'default',
  },
  {
    name: 'user and password',
    urlOf: (port: number) => `redis://pipe:s3cret@localhost:${port}`,
    user: 'pipe',
  },
])('the $name of the URL is asked for, and seen nowhere', async ({ urlOf, user }) => {
  const { dataDir, url, runFiles, supervisor, spec } = await setUp(urlOf);
  await supervisor.start(spec);
  expect(await client(url).call('ACL', 'WHOAMI')).toBe(user);
  const open = new URL(url);
  open.username = open.password = '';
  expect(await probeRedis(open.href)).toBe('service');
  await expect(client(open.href).ping()).rejects.toThrow('NOAUTH');
  const secret = decodeURIComponent(new URL(url).password);
  const pid = runFiles.read('redis')?.child?.pid ?? 0;
  const seen = [spec.args.join(' '), readFileSync(join(dataDir, 'run', 'redis.json'), 'utf8')];
  if (existsSync('/proc/self/cmdline')) seen.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  expect(seen.join('\n')).not.toContain(secret);
});

test('a port that is taken meanwhile is one line with the reason', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const { supervisor, spec } = await setUp(() => `redis://127.0.0.1:${port}`);
  await expect(supervisor.start(spec)).rejects.toThrow(/^redis did not start: .*(bind|listen|port)/i);
});

test('a Redis that does not start for another reason keeps its append-only file', async () => {
  const { dataDir, url, supervisor, spec, runFiles, log, warnings } = await setUp();
  await supervisor.start(spec);
  await client(url).set('a', '1');
  await supervisor.stop();
  const blocker = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => blocker.listen(Number(new URL(url).port), '127.0.0.1', resolve));
  const again = new Supervisor({ log, runFiles });
  await expect(again.start(spec)).rejects.toThrow(/^redis did not start: .*(bind|listen|port)/i);
  await new Promise((resolve) => blocker.close(resolve));
  expect(warnings).toEqual([]);

  const third = new Supervisor({ log, runFiles });
  onTestFinished(() => third.stop());
  await third.start(spec);
  expect(await client(url).get('a')).toBe('1');
  expect(aofFiles(dataDir).broken()).toEqual([]);
});

test.each([
  { why: 'no permission', log: "# Can't open the append-only file a.incr.aof: Permission denied" },
  { why: 'a full disk', log: "# Can't open or create append-only dir: No space left on device" },
  { why: 'a failing disk', log: '# Unrecoverable error reading the append only file a: Input/output error' },
  { why: 'a taken port', log: '# Failed listening on port 6379 (TCP), aborting.' },
  {
    why: 'too little memory',
    how: 'signal SIGABRT',
    log: '# Out Of Memory allocating 1024 bytes!\n1:M # Guru Meditation: while loading the AOF',
  },
  { why: 'a kill -9', how: 'signal SIGKILL', log: '* Reading RDB base file on AOF loading...' },
  { why: 'an end later on', log: '* DB loaded from append only file\n1:M * Ready to accept connections' },
])('$why is no damage of the append-only file', ({ how = 'exit code 1', log }) => {
  expect(aofDamage({ how, log: `1:M ${log}\n` })).toBeUndefined();
});

test('a Redis that crashes over what it reads has a damaged append-only file', () => {
  const log =
    '1:M 1 Jan * Reading RDB base file on AOF loading...\n1:M 1 Jan # Guru Meditation: Duplicated key found in RDB file #rdb.c:3312\n';
  expect(aofDamage({ how: 'signal SIGABRT', log })).toMatch(/^Guru Meditation: Duplicated key/);
});

test('the newest three broken append-only files are kept', () => {
  const dir = temporaryFolder();
  const moved = [5, 1, 2, 3, 4].map((second) => {
    writeFileSync(join(dir, 'appendonly.aof'), '');
    if (second % 2 === 0) mkdirSync(join(dir, 'appendonlydir'));
    return moveAofAside(dir, new Date(second * 1_000));
  });
  expect(moved.map((paths) => paths.length)).toEqual([1, 1, 2, 1, 2]);
  expect(readdirSync(dir).sort()).toEqual([
    'appendonly.aof.broken-1970-01-01T00-00-04-000Z',
    'appendonly.aof.broken-1970-01-01T00-00-05-000Z',
    'appendonlydir.broken-1970-01-01T00-00-04-000Z',
  ]);
  expect(moveAofAside(temporaryFolder())).toEqual([]);
});

test('the server program: from the path, redis-server first, valkey-server too', async () => {
  const dir = temporaryFolder();
  for (const name of ['both', 'valkey', 'none']) mkdirSync(join(dir, name));
  for (const name of ['both/redis-server', 'both/valkey-server', 'valkey/valkey-server']) {
    symlinkSync('/bin/true', join(dir, name));
  }
  writeFileSync(join(dir, 'none', 'redis-server'), 'not executable');
  const find = (...dirs: string[]) =>
    redisBinary({ log: silent, dataDir: dir, path: dirs.map((name) => join(dir, name)).join(':') });
  expect(await find('none', 'both')).toBe(join(dir, 'both/redis-server'));
  expect(await find('valkey')).toBe(join(dir, 'valkey/valkey-server'));
  await expect(find('none')).rejects.toThrow(
    /^There is no Redis server on this machine: install .* REDIS_URL/,
  );
});

test.skipIf(!existsSync('/usr/bin/redis-check-rdb') || !existsSync('/usr/bin/apt-get'))(
  'on Debian the program of redis-tools is the server: nothing that starts by itself is installed',
  async () => {
    const dir = temporaryFolder();
    symlinkSync('/usr/bin/apt-get', join(dir, 'apt-get'));
    const binary = await redisBinary({ log: silent, dataDir: dir, path: dir });
    expect(binary).toBe(join(dir, 'bin', 'redis-server'));
    const url = `redis://127.0.0.1:${await freePort()}`;
    const supervisor = new Supervisor({ log: silent, runFiles: new RunFiles(dir) });
    onTestFinished(() => supervisor.stop());
    await supervisor.start(redisServer(url, binary, dir));
    expect(await client(url).ping()).toBe('PONG');
  },
);

test('waitUntil gives up at its time, and at once when it is aborted', async () => {
  expect(await waitUntil(() => false, { timeoutMs: 30, intervalMs: 5 })).toBe(false);
  const startedAt = performance.now();
  expect(await waitUntil(() => false, { timeoutMs: 60_000, signal: AbortSignal.timeout(20) })).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
