import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/base/config.ts';
import { probeClickHouse, probeRedis, tcpAnswers } from '../../src/embedded/probe.ts';
import { processIdentity, sendSignal } from '../../src/embedded/processes.ts';
import { RunFiles } from '../../src/embedded/runFiles.ts';
import { startServices } from '../../src/embedded/services.ts';
import { endStrayRedis } from '../../src/embedded/strayRedis.ts';
import { startPingServer } from '../support/clickhouseFixture.ts';
import { freePort, runProgram, temporaryFolder } from '../support/processes.ts';

const log = pino({ level: 'silent' });

async function setUp(more: NodeJS.ProcessEnv = {}) {
  const clickhouse = await startPingServer();
  onTestFinished(clickhouse.close);
  const env = {
    DATA_DIR: temporaryFolder(),
    REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
    CLICKHOUSE_URL: clickhouse.url,
    LOG_LEVEL: 'info',
    ...more,
  };
  const config = loadConfig(env);
  const start = async () => {
    const services = await startServices(config, { log, dataDir: config.dataDir });
    onTestFinished(() => services.supervisor.stop());
    return services;
  };
  return { env, config, start };
}

/** A server that accepts connections and says this to each. */
async function startTalker(text: string): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test('a loopback URL at which nothing answers gets an embedded service, one that answers is external', async () => {
  const { config, start } = await setUp();
  expect(await probeRedis(config.redis.url)).toBe('nothing');
  const services = await start();
  expect(services).toMatchObject({ redis: 'embedded', clickhouse: 'external' });
  const redis = new Redis(config.redis.url);
  onTestFinished(() => redis.disconnect());
  expect(await redis.ping()).toBe('PONG');

  const others = loadConfig({ REDIS_URL: config.redis.url, CLICKHOUSE_URL: config.clickhouse.url });
  const second = await startServices(others, { log, dataDir: temporaryFolder() });
  expect(second).toMatchObject({ redis: 'external', clickhouse: 'external' });
  await second.supervisor.stop();
  expect(await redis.ping()).toBe('PONG');
  await services.supervisor.stop();
  expect(await probeRedis(config.redis.url)).toBe('nothing');
});

test('EMBEDDED=off never starts one; a host beyond loopback is external', async () => {
  const { start, config } = await setUp({ EMBEDDED: 'off' });
  expect(await start()).toMatchObject({ redis: 'external', clickhouse: 'external' });
  expect(await probeRedis(config.redis.url)).toBe('nothing');
  const away = await setUp({ REDIS_URL: 'redis://192.0.2.1:6379', CLICKHOUSE_URL: 'http://192.0.2.1:8123' });
  expect(await away.start()).toMatchObject({ redis: 'external', clickhouse: 'external' });
});

test('a port taken by something else is one line that says which and how to change it', async () => {
  const port = await startTalker('HTTP/1.1 400 Bad Request\r\n\r\n');
  const redis = await setUp({ REDIS_URL: `redis://127.0.0.1:${port}` });
  await expect(redis.start()).rejects.toThrow(
    `Port ${port} on 127.0.0.1 is in use by something that is not Redis: stop it, or set REDIS_URL (or REDIS_PORT) to another port.`,
  );
  const clickhouse = await setUp({ CLICKHOUSE_URL: `http://127.0.0.1:${port}` });
  await expect(clickhouse.start()).rejects.toThrow(/is not ClickHouse: stop it, or set CLICKHOUSE_URL/);
  // The Redis that was started beside it is gone again.
  expect(await probeRedis(clickhouse.config.redis.url)).toBe('nothing');
});

test('the probes tell nothing, the service, and something else apart', async () => {
  const port = await freePort();
  expect(await tcpAnswers('127.0.0.1', port)).toBe(false);
  expect(await probeClickHouse(`http://127.0.0.1:${port}`)).toBe('nothing');
  for (const reply of ['+PONG\r\n', '-NOAUTH Authentication required.\r\n', '-LOADING dataset\r\n']) {
    expect(await probeRedis(`redis://127.0.0.1:${await startTalker(reply)}`)).toBe('service');
  }
  expect(await probeRedis(`redis://127.0.0.1:${await startTalker('SSH-2.0-OpenSSH\r\n')}`)).toBe('other');
  expect(await probeClickHouse(`http://127.0.0.1:${await startTalker('not http')}`)).toBe('other');
});

test('npm run services: says where they are, stops them with it; after kill -9 npm stop ends what is left', async () => {
  const { env, config } = await setUp();
  const first = runProgram('src/cli/services.ts', [], { env });
  await first.said('ClickHouse');
  expect(first.output.stdout).toContain(`${config.redis.url}  embedded\n`);
  expect(await probeRedis(config.redis.url)).toBe('service');
  first.child.kill('SIGTERM');
  expect((await first.exited).code).toBe(0);
  expect(await probeRedis(config.redis.url)).toBe('nothing');

  const second = runProgram('src/cli/services.ts', [], { env });
  onTestFinished(async () => void (await new RunFiles(config.dataDir).endOrphans()));
  await second.said('ClickHouse');
  second.child.kill('SIGKILL');
  await second.exited;
  expect(await probeRedis(config.redis.url)).toBe('service');

  // A new start takes over: the one left behind is ours, not external.
  const third = runProgram('src/cli/services.ts', [], { env });
  await third.said('ClickHouse');
  expect(third.output.stdout).toContain(`${config.redis.url}  embedded\n`);
  third.child.kill('SIGKILL');
  await third.exited;
  const stop = runProgram('src/cli/stop.ts', [], { env });
  expect((await stop.exited).code).toBe(0);
  expect(stop.output.stdout).toBe('Ended what a killed supervisor had left behind: redis.\n');
  expect(await probeRedis(config.redis.url)).toBe('nothing');
}, 30_000);

test('an embedded Redis that no run file knows is taken for what it is, by its folder', async () => {
  const { env, config } = await setUp();
  const runFile = join(config.dataDir, 'run', 'redis.json');
  const leaveStray = async () => {
    const program = runProgram('src/cli/services.ts', [], { env });
    await program.said('ClickHouse');
    const stray = new RunFiles(config.dataDir).read('redis')?.child?.pid ?? 0;
    onTestFinished(() => void sendSignal(stray, 'SIGKILL'));
    program.child.kill('SIGKILL');
    await program.exited;
    // As when the kill falls between the start of Redis and the note of it.
    rmSync(runFile);
    return stray;
  };
  const first = await leaveStray();
  const again = await startServices(config, { log, dataDir: config.dataDir });
  expect(again.redis).toBe('embedded');
  expect(processIdentity(first)).toBeUndefined();

  // While a supervisor of this DATA_DIR lives, it is nobody's stray; of another DATA_DIR it is external.
  expect(await endStrayRedis(config, new RunFiles(config.dataDir))).toBe(false);
  const other = { ...config, dataDir: temporaryFolder() };
  mkdirSync(join(other.dataDir, 'redis'));
  expect(await endStrayRedis(other, new RunFiles(other.dataDir))).toBe(false);
  await again.supervisor.stop();

  const second = await leaveStray();
  const stop = runProgram('src/cli/stop.ts', [], { env });
  expect((await stop.exited).code).toBe(0);
  expect(stop.output.stdout).toBe('Ended what a killed supervisor had left behind: redis.\n');
  expect(processIdentity(second)).toBeUndefined();
}, 30_000);

test('kill -9 of npm run services at any moment, again and again: the next start owns the one Redis, data and all', async () => {
  const { env, config } = await setUp();
  onTestFinished(async () => void (await new RunFiles(config.dataDir).endOrphans()));
  const redis = new Redis(config.redis.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  for (let round = 1; round <= 4; round++) {
    const program = runProgram('src/cli/services.ts', [], { env });
    await redis.set(`round ${round}`, 'a value');
    // Milliseconds after Redis answers, when the supervisor may not yet have seen that it does.
    await delay(round * 20);
    program.child.kill('SIGKILL');
    await program.exited;
  }
  const services = await startServices(config, { log, dataDir: config.dataDir });
  onTestFinished(() => services.supervisor.stop());
  expect(services.redis).toBe('embedded');
  expect((await redis.keys('*')).sort()).toEqual(['round 1', 'round 2', 'round 3', 'round 4']);
  const [, dir] = await redis.config('GET', 'dir');
  expect(dir).toBe(join(config.dataDir, 'redis'));
}, 60_000);

test('npm run services with both external says so and ends with 0', async () => {
  const { env } = await setUp({ EMBEDDED: 'off' });
  const program = runProgram('src/cli/services.ts', [], { env });
  expect((await program.exited).code).toBe(0);
  expect(program.output.stdout).toContain('external (does not answer)\n');
  expect(program.output.stdout).toContain('Both are external');
});
