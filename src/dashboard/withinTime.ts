/** What was asked for did not come in time; the message names it. */
export class TooLate extends Error {}

/**
 * The promise, or a TooLate after `ms` milliseconds. What comes later, value or error, is dropped: Redis commands
 * wait for Redis without end, a request must not.
 */
export async function withinTime<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TooLate(`no ${what} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
