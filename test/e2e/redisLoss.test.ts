import { appendFileSync, rmSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { coveredEnd } from '../../src/store/coverage.ts';
import { makeWorld, startWorkerProcess, untilComplete, untilCount } from '../support/pipeline.ts';
import { PrivateRedis } from '../support/privateRedis.ts';
import { makeRecording } from '../support/recording.ts';
import { expectExactly } from '../support/tables.ts';

type Loss = (redis: PrivateRedis) => Promise<void>;

/** kill -9, something happens to its files, and it is started again. */
function killed(damage: (redis: PrivateRedis) => void = () => undefined): Loss {
  return async (redis) => {
    await redis.kill();
    damage(redis);
    await redis.start();
  };
}

const lastBytes = (bytes: number) => killed((redis) => expect(redis.truncateAof(bytes)).toBeGreaterThan(100));
const deleted = killed((redis) => rmSync(redis.aofFolder, { recursive: true }));
const garbage = killed((redis) => appendFileSync(redis.aofFile, Buffer.alloc(600)));
const emptied: Loss = async ({ url }) => {
  const client = new Redis(url);
  await client.flushall();
  client.disconnect();
};

test.each([
  {
    what: 'is killed, and killed with its last bytes lost, few and many',
    losses: [killed(), lastBytes(20_000), lastBytes(101), lastBytes(1_000_000)],
    warnings: 0,
  },
  {
    what: 'is emptied, loses its files, has garbage in them, twice',
    losses: [emptied, garbage, deleted, emptied, garbage],
    warnings: 2,
  },
])(
  'Redis $what, under way: all is there, once, without a gap',
  async ({ losses, warnings }) => {
    const recording = makeRecording({ events: 10_000, seed: 40 + losses.length, bursts: 1 });
    const redis = await PrivateRedis.start();
    const { environment, database, simulator } = await makeWorld(recording, { REDIS_URL: redis.url });
    // So that requests, pages and writes are under way whenever it happens.
    simulator.control.goldsky.latencyMs = 300;
    await Promise.all([startWorkerProcess(environment), startWorkerProcess(environment)]);
    for (const [round, lose] of losses.entries()) {
      const rows = Math.floor(((round + 0.5) * recording.expected.orderEvents.size) / (losses.length + 1));
      await untilCount(database, `SELECT count() >= ${rows} AS n FROM order_events`, 1, 60_000);
      await lose(redis);
    }

    await untilComplete(database, recording, 90_000);
    await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 60_000);
    await expect
      .poll(async () => (await coveredEnd(database, 'goldsky'))?.position, { timeout: 20_000 })
      .toBe(recording.to);
    await expectExactly(database, recording);
    const mended = redis.warnings.filter((line) => line.startsWith('redis could not read'));
    expect(mended).toHaveLength(warnings);
  },
  240_000,
);
