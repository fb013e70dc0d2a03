import { ConfigError } from '../base/errors.ts';

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?)?Z?$/;
/** What a ClickHouse DateTime holds. */
const LATEST = 2 ** 32 - 1;

/** A unix second, or a time in UTC: `1714000000`, `2024-04-25`, `2024-04-25T12:00`, `2024-04-25 12:00:00`. @throws ConfigError */
export function parseTime(name: string, text: string): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : parseIsoTime(text);
  if (seconds !== undefined && seconds <= LATEST) return seconds;
  const isMilliseconds = /^\d{13}$/.test(text) ? ' (these look like milliseconds)' : '';
  throw new ConfigError(
    `--${name}=${text} is not allowed: it must be a unix second or a time in UTC like 2024-04-25 or 2024-04-25T12:00:00${isMilliseconds}.`,
  );
}

/** Unix seconds of a time in UTC; undefined where the text is none. */
export function parseIsoTime(text: string): number | undefined {
  const [, day, minute = '00:00', second = ':00'] = ISO.exec(text) ?? [];
  if (day === undefined) return undefined;
  const time = `${day}T${minute}${second}.000Z`;
  const ms = Date.parse(time);
  // JavaScript takes the 31st of June for the 1st of July.
  return Number.isNaN(ms) || new Date(ms).toISOString() !== time || ms < 0 ? undefined : ms / 1000;
}
