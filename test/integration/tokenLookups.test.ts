import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../queues/connection.ts';
import { TokenLookups } from '../../queues/tokenLookups.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

function lookups(): TokenLookups {
  const { redis } = testConfig(testEnvironment());
  const connection = connectRedis(redis.url, pino({ level: 'silent' }));
  onTestFinished(() => connection.disconnect());
  return new TokenLookups(connection, redis.prefix);
}

test('a noted token is due at once, then ever more rarely, until it is forgotten', async () => {
  const list = lookups();
  await list.note(['1', '2'], 1_000);
  expect((await list.takeDue(10, 1_000)).sort()).toEqual(['1', '2']);
  // First pause 15 s, then 30 s.
  expect(await list.takeDue(10, 15_999)).toEqual([]);
  expect((await list.takeDue(10, 16_000)).sort()).toEqual(['1', '2']);
  expect(await list.takeDue(10, 45_999)).toEqual([]);
  await list.forget(['1']);
  expect(await list.takeDue(10, 46_000)).toEqual(['2']);
});

test('noting a token again does not make it due earlier', async () => {
  const list = lookups();
  await list.note(['1'], 0);
  await list.takeDue(10, 0);
  await list.note(['1'], 1);
  expect(await list.takeDue(10, 1)).toEqual([]);
});

test('the pause never exceeds six hours', async () => {
  const list = lookups();
  await list.note(['1'], 0);
  let now = 0;
  for (let tries = 0; tries < 20; tries++) {
    expect(await list.takeDue(1, now)).toEqual(['1']);
    now += 6 * 3_600_000;
  }
});

test('one caller fills the list up from ClickHouse, and again when Redis was emptied', async () => {
  const list = lookups();
  expect([await list.claimRebuild(), await list.claimRebuild()]).toEqual([true, false]);
});
