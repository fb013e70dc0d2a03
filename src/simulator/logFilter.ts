import type { RpcLog } from './upstream.ts';

/**
 * Whether a log is asked for.
 * @param addresses lower-case; undefined = all
 * @param topics by position; undefined = any. A log without a topic at a position that is asked for does not match.
 */
export type LogTest = (log: RpcLog) => boolean;

export function logTest(
  addresses: ReadonlySet<string> | undefined,
  topics: readonly (ReadonlySet<string> | undefined)[],
): LogTest {
  return (log) =>
    (addresses === undefined || addresses.has(log.address)) &&
    topics.every((wanted, i) => wanted === undefined || wanted.has(log.topics[i] ?? ''));
}

/** Lower-case values of a list, of a single string, or undefined for null, nothing and an empty list: anything. */
export function anyOf(value: readonly string[] | string | null | undefined): ReadonlySet<string> | undefined {
  const list = typeof value === 'string' ? [value] : (value ?? []);
  return list.length === 0 ? undefined : new Set(list.map((one) => one.toLowerCase()));
}
