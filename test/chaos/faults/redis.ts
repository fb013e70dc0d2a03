import { between, seconds, type Fault, type FaultKind, type Target, type World } from '../fault.ts';
import { appendGarbage, cutToSize, deleteAll, newestPart, sizeOf } from '../appendOnlyFiles.ts';
import { flushAll } from '../flushAll.ts';
import { killOf } from './kills.ts';

const group = 'redis';

const flush: FaultKind = {
  name: 'FLUSHALL',
  group,
  share: 2,
  draw: () => ({
    what: 'FLUSHALL',
    run: ({ redisUrl }) => flushAll(redisUrl),
  }),
};

/** Redis dies, and its files are not what they were when it is started again. */
function killAnd(name: string, damage: (dataDir: string, sizeBefore: number) => void): FaultKind {
  const fault: Fault = {
    what: name,
    forMs: 1_000,
    run: async ({ stack, dataDir }, pause) => {
      const part = newestPart(dataDir);
      const before = part === undefined ? 0 : sizeOf(part);
      await pause(1_000);
      const pid = stack.pid('redis');
      if (pid === undefined || !stack.signal('redis', 'SIGKILL')) return false;
      // All in one go: the supervisor starts it again after 200 ms.
      const deadline = Date.now() + 150;
      while (stack.pid('redis') === pid && Date.now() < deadline);
      damage(dataDir, before);
      return true;
    },
  };
  return { name, group, share: 1, draw: () => fault };
}

/** What a fault does to the way between the workers and Redis, undone after a time. */
function network(
  name: string,
  what: (ms: number) => string,
  [fromS, toS]: readonly [number, number],
  run: (world: World, wait: () => Promise<void>) => void | Promise<void>,
): FaultKind {
  return {
    name,
    group,
    share: 1,
    draw: (random) => {
      const ms = between(random, fromS, toS);
      return { what: what(ms), forMs: ms, run: (world, pause) => run(world, () => pause(ms)) };
    },
  };
}

export const REDIS_PROCESS: Target = {
  name: 'Redis process',
  everyS: 35,
  kinds: [
    killOf('redis', 2),
    flush,
    killAnd('Redis dies and loses its last second', (dataDir, before) => cutToSize(dataDir, before)),
    killAnd('Redis dies and loses its files', (dataDir) => deleteAll(dataDir)),
    killAnd('Redis dies and finds garbage at the end of its file', (dataDir) => appendGarbage(dataDir)),
  ],
};

export const REDIS_NETWORK: Target = {
  name: 'Redis network',
  everyS: 20,
  kinds: [
    network(
      'Redis out of reach',
      (ms) => `Redis is out of reach for ${seconds(ms)}`,
      [0.5, 8],
      async ({ redis }, wait) => {
        await redis.down();
        await wait();
        await redis.up();
      },
    ),
    network(
      'Redis hangs',
      (ms) => `Redis hangs for ${seconds(ms)}, and goes on`,
      [0.5, 9],
      async ({ redis }, wait) => {
        redis.hang();
        await wait();
        redis.resume();
      },
    ),
    network(
      'Redis hangs, connections break',
      (ms) => `Redis hangs for ${seconds(ms)}, and its connections break`,
      [0.5, 9],
      async ({ redis }, wait) => {
        redis.hang();
        await wait();
        await redis.up();
      },
    ),
    network(
      'answers of Redis lost',
      (ms) => `what Redis answers is lost for ${seconds(ms)}, then its connections break`,
      [0.2, 3],
      async ({ redis }, wait) => {
        redis.swallowAnswers();
        await wait();
        await redis.up();
      },
    ),
    network(
      'connections to Redis break',
      () => 'all connections to Redis break',
      [0, 0],
      ({ redis }) => redis.cut(),
    ),
  ],
};
