import type { Redis } from 'ioredis';

/** The given fields of a hash, in their order; undefined where one is not set. */
export async function readFields(
  redis: Redis,
  key: string,
  fields: readonly string[],
): Promise<(string | undefined)[]> {
  const values = await redis.hmget(key, ...fields);
  return values.map((value) => value ?? undefined);
}

/** Sets the given fields of a hash in one transaction; undefined removes one. */
export async function writeFields(redis: Redis, key: string, change: object): Promise<void> {
  const transaction = redis.multi();
  for (const [field, value] of Object.entries(change) as [string, unknown][]) {
    if (value === undefined) transaction.hdel(key, field);
    else transaction.hset(key, field, asText(value));
  }
  await transaction.exec();
}

/** How a value stands in a hash: text and numbers as they are, anything else as JSON. */
export function asText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value);
}
