import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { probeRedis, waitUntil } from '../../src/embedded/probe.ts';
import { redisBinary } from '../../src/embedded/redisBinary.ts';
import { redisServer } from '../../src/embedded/redisServer.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { Supervisor } from '../../src/embedded/supervisor.ts';
import { freePort, temporaryFolder } from '../support/processes.ts';

const log = pino({ level: 'silent' });

async function setUp(urlOf: (port: number) => string = (port) => `redis://127.0.0.1:${port}`) {
  const dataDir = join(temporaryFolder(), 'a "folder" with spaces');
  mkdirSync(dataDir);
  const url = urlOf(await freePort());
  const runFiles = new RunFiles(dataDir);
  const supervisor = new Supervisor({ log, runFiles, minBackoffMs: 10 });
  onTestFinished(() => supervisor.stop());
  const spec = redisServer(url, await redisBinary({ log, dataDir }), dataDir);
  return { dataDir, url, runFiles, supervisor, spec };
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

  const again = new Supervisor({ log, runFiles });
  onTestFinished(() => again.stop());
  await again.start(spec);
  expect(await redis.mget('a', 'b')).toEqual(['1', '2']);
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

test('the server program: from the path, redis-server first, valkey-server too', async () => {
  const dir = temporaryFolder();
  for (const name of ['both', 'valkey', 'none']) mkdirSync(join(dir, name));
  for (const name of ['both/redis-server', 'both/valkey-server', 'valkey/valkey-server']) {
    symlinkSync('/bin/true', join(dir, name));
  }
  writeFileSync(join(dir, 'none', 'redis-server'), 'not executable');
  const find = (...dirs: string[]) =>
    redisBinary({ log, dataDir: dir, path: dirs.map((name) => join(dir, name)).join(':') });
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
    const binary = await redisBinary({ log, dataDir: dir, path: dir });
    expect(binary).toBe(join(dir, 'bin', 'redis-server'));
    const url = `redis://127.0.0.1:${await freePort()}`;
    const supervisor = new Supervisor({ log, runFiles: new RunFiles(dir) });
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
