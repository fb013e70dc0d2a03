import { displayUrl } from '../base/config.ts';

const EXCERPT_LENGTH = 200;
const MAX_RETRY_AFTER_MS = 15 * 60_000;

/** A piece of what an upstream said, for one line of a message: no line breaks, URLs without path and query, bounded. */
export function excerpt(said: string): string {
  const oneLine = said
    .slice(0, 4 * EXCERPT_LENGTH)
    .replaceAll(/https?:\/\/[^\s"'<>)]+/g, (url) => displayUrl(url))
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return oneLine.length > EXCERPT_LENGTH ? `${oneLine.slice(0, EXCERPT_LENGTH)}…` : oneLine;
}

/** The error text of a JSON error body: `{"error": "…"}`, `{"message": "…"}`, `{"errors": [{"message": "…"}]}`; '' for others. */
export function errorText(body: unknown): string {
  if (typeof body !== 'object' || body === null) return '';
  const { error, message, errors } = body as { error?: unknown; message?: unknown; errors?: unknown };
  if (typeof error === 'string') return error;
  if (typeof message === 'string') return message;
  if (Array.isArray(errors)) return errorText(errors[0]);
  return errorText(error);
}

/** True where a text says that there were too many requests. */
export function saysRateLimited(said: string): boolean {
  return /too many requests|rate.?limit/i.test(said);
}

/**
 * `Retry-After` (seconds, or an HTTP date) in milliseconds from now, at most a quarter of an hour; undefined when absent,
 * unreadable or over: the caller's own pauses are kinder then.
 */
export function retryAfterMs(header: string | null, now: number = Date.now()): number | undefined {
  const value = header?.trim() ?? '';
  if (value === '') return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return ms > 0 ? Math.min(Math.ceil(ms), MAX_RETRY_AFTER_MS) : undefined;
}
