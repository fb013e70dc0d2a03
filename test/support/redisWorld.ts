import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { QueueName } from '../../queues/catalogue.ts';
import { Queues } from '../../queues/producer.ts';
import { SourceStates } from '../../queues/sourceState.ts';
import { testConfig, type Environment } from './world.ts';

/** A test's own keys in Redis: its queues, and what can be done to them. Closed with the test. */
export class RedisWorld {
  readonly queues: Queues;
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(environment: Environment) {
    const { url, prefix } = testConfig(environment).redis;
    this.#redis = new Redis(url, { maxRetriesPerRequest: null });
    this.#prefix = prefix;
    this.queues = new Queues(this.#redis, prefix);
    onTestFinished(async () => {
      await this.queues.close();
      this.#redis.disconnect();
    });
  }

  /** Takes every key of the test away at one moment, as FLUSHALL would. Gives their number. */
  async empty(): Promise<number> {
    const script = `
      local cursor, removed = '0', 0
      repeat
        local found = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
        cursor = found[1]
        for _, key in ipairs(found[2]) do removed = removed + redis.call('DEL', key) end
      until cursor == '0'
      return removed`;
    return Number(await this.#redis.eval(script, 0, `${this.#prefix}*`));
  }

  /** Changes what Redis knows of a job. */
  async setField(name: QueueName, id: string, field: string, value: string): Promise<void> {
    await this.#redis.hset(this.queues.get(name).toKey(id), field, value);
  }

  /** A job that waits has failed at that time (milliseconds since 1970). */
  async leaveInFailed(name: QueueName, id: string, failedAt: number): Promise<void> {
    const queue = this.queues.get(name);
    await this.#redis.lrem(queue.toKey('wait'), 1, id);
    await this.#redis.hset(queue.toKey(id), 'finishedOn', failedAt);
    await this.#redis.zadd(queue.toKey('failed'), failedAt, id);
  }

  /** Where the tail of a source stands; undefined while Redis does not know. */
  async tail(source: string): Promise<number | undefined> {
    return (await new SourceStates(this.#redis, this.#prefix).read(source)).cursor?.position;
  }

  /** Why the last request to a source did not work. */
  async problem(source: string): Promise<string | undefined> {
    return (await new SourceStates(this.#redis, this.#prefix).read(source)).problem;
  }

  /** Which worker did each of the finished jobs that are still kept, by job id. */
  async doneBy(name: QueueName): Promise<Map<string, string>> {
    const queue = this.queues.get(name);
    const ids = await this.#redis.zrange(queue.toKey('completed'), '0', '-1');
    const workers = await Promise.all(ids.map((id) => this.#redis.hget(queue.toKey(id), 'pb')));
    return new Map(ids.flatMap((id, index) => (workers[index] ? [[id, workers[index]] as const] : [])));
  }
}
