import { appendFileSync, rmSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { coveredEnd } from '../../src/store/coverage.ts';
import { makeWorld, startWorkerProcess, untilComplete, untilCount } from '../support/pipeline.ts';
import { PrivateRedis } from '../support/privateRedis.ts';
import { makeRecording } from '../support/recording.ts';
import { expectExactly } from '../support/tables.ts';

const ROUNDS = 3;

/** What happens to Redis under a running pipeline, again and again. */
const LOSSES: readonly {
  readonly what: string;
  readonly lose: (redis: PrivateRedis, round: number) => Promise<unknown> | void;
  readonly running?: true;
  readonly seed: number;
}[] = [
  { what: 'is killed', lose: () => undefined, seed: 41 },
  {
    what: 'is killed and loses what it wrote last',
    lose: (redis, round) =>
      void expect(redis.truncateAof([20_000, 400_000, 101][round] ?? 0)).toBeGreaterThan(100),
    seed: 42,
  },
  {
    what: 'is killed and its files are deleted',
    lose: (redis) => rmSync(redis.aofFolder, { recursive: true }),
    seed: 43,
  },
  {
    what: 'is emptied with FLUSHALL',
    running: true,
    lose: async ({ url }) => {
      const client = new Redis(url);
      await client.flushall();
      client.disconnect();
    },
    seed: 44,
  },
  {
    what: 'is killed and has garbage at the end of its file',
    lose: (redis) => appendFileSync(redis.aofFile, Buffer.alloc(600)),
    seed: 45,
  },
];

test.each(LOSSES)(
  'Redis $what, three times under way: all is there, once, without a gap',
  async (loss) => {
    const recording = makeRecording({ events: 8_000, seed: loss.seed, bursts: 1 });
    const redis = await PrivateRedis.start();
    const { environment, database, simulator } = await makeWorld(recording, { REDIS_URL: redis.url });
    simulator.control.goldsky.latencyMs = 300;
    await Promise.all([startWorkerProcess(environment), startWorkerProcess(environment)]);
    for (let round = 0; round < ROUNDS; round++) {
      // A part of the events each round, so that requests, pages and writes are under way.
      await untilRows(((round + 0.5) * recording.expected.orderEvents.size) / (ROUNDS + 1));
      if (loss.running !== true) await redis.kill();
      await loss.lose(redis, round);
      if (loss.running !== true) await redis.start();
    }
    expect(redis.warnings.filter((line) => line.startsWith('redis could not read'))).toHaveLength(
      loss.what.includes('garbage') ? ROUNDS : 0,
    );

    await untilComplete(database, recording, 90_000);
    await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 60_000);
    await expect
      .poll(async () => (await coveredEnd(database, 'goldsky'))?.position, { timeout: 20_000 })
      .toBe(recording.to);
    await expectExactly(database, recording);

    async function untilRows(rows: number): Promise<void> {
      await untilCount(database, `SELECT count() >= ${Math.floor(rows)} AS n FROM order_events`, 1, 60_000);
    }
  },
  240_000,
);
