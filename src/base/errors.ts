/**
 * What the queue should do with a job whose processor threw this error.
 * - `attempt`: use one of the job's attempts, then back off; the last one leaves the job in `failed`.
 * - `wait`: come back later without using an attempt (the other side is away, or says when to return).
 * - `never`: straight to `failed`: no retry can help before a person has changed something.
 */
export type Retry = 'attempt' | 'wait' | 'never';

export interface AppErrorOptions {
  readonly retry: Retry;
  /** For `wait`: how long, in milliseconds; without it the caller's own backoff is used. */
  readonly waitMs?: number;
  readonly cause?: unknown;
  /** Small facts for the log line. Never secrets, never whole records. */
  readonly context?: Readonly<Record<string, string | number | boolean>>;
}

/** The base of every error this program raises on purpose: a code, whether to retry, the cause, context. */
export class AppError extends Error {
  readonly code: string;
  readonly retry: Retry;
  readonly waitMs: number | undefined;
  readonly context: Readonly<Record<string, string | number | boolean>>;

  constructor(code: string, message: string, options: AppErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retry = options.retry;
    this.waitMs = options.waitMs;
    this.context = options.context ?? {};
  }
}

/** A setting that cannot work: ends the program at boot with its one line. */
export class ConfigError extends AppError {
  constructor(message: string) {
    super('CONFIG', message, { retry: 'never' });
  }
}

/** One line for a person, without a stack: the message, and the innermost cause where it adds something. */
export function oneLine(error: unknown): string {
  const seen: string[] = [];
  let current: unknown = error;
  while (current instanceof Error && seen.length < 5) {
    const code = (current as NodeJS.ErrnoException).code;
    const text = current.message || code || current.name;
    const known = seen.some((line) => line.includes(text));
    if (!known) seen.push(text);
    // AggregateError (a refused connection over two address families) has its text in the parts.
    current = current instanceof AggregateError && !current.message ? current.errors[0] : current.cause;
  }
  const text = seen.length > 0 ? seen.join(': ') : String(error);
  return text.replaceAll(/\s+/g, ' ').slice(0, 500);
}
