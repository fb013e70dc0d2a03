import type { Redis } from 'ioredis';
import type { Config, OrderSource } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';
import { positionsOf } from '../base/settings.ts';
import { PolygonSource } from '../sources/polygon.ts';
import { fetchQueueOf } from '../../queues/catalogue.ts';
import type { Queues } from '../../queues/producer.ts';
import { takeTurn } from '../../queues/turns.ts';
import { parseIsoTime, parseTime } from './timeOption.ts';

/** A place as it was typed: a position of the source, or a unix second whose block is not known yet. */
export type GivenPlace = { readonly position: number } | { readonly second: number };

/** Blocks have not come so far yet; unix seconds have. */
const NO_BLOCK = 1_000_000_000;

/**
 * Of a source of seconds a unix second or a time in UTC, of one of blocks a block or a time in UTC.
 * @throws ConfigError
 */
export function parsePlace(source: OrderSource, name: string, text: string): GivenPlace {
  if (positionsOf(source) === 'seconds') return { position: parseTime(name, text) };
  if (/^\d+$/.test(text) && Number(text) < NO_BLOCK) return { position: Number(text) };
  const second = parseIsoTime(text);
  if (second !== undefined) return { second };
  const looks = /^\d+$/.test(text)
    ? ` (this looks like a unix ${text.length > 11 ? 'milli' : ''}second)`
    : '';
  throw new ConfigError(
    `--${name}=${text} is not allowed: it must be a block or a time in UTC like 2026-05-01 or 2026-05-01T12:00:00${looks}.`,
  );
}

/** Where a block and a time are given, it shows only later which is later. @throws ConfigError */
export function mustBeLater(
  typed: { readonly from: string | undefined; readonly to: string | undefined },
  from: GivenPlace,
  to: GivenPlace,
): void {
  if ('second' in from !== 'second' in to) return;
  const value = (place: GivenPlace) => ('second' in place ? place.second : place.position);
  if (value(to) > value(from)) return;
  throw new ConfigError(`--to=${typed.to} is not allowed: it must be later than --from=${typed.from}.`);
}

/** What is needed to ask for a block. */
export interface LookupParts {
  readonly config: Config;
  readonly redis: Redis;
  readonly queues: Queues;
  readonly signal: AbortSignal;
}

/**
 * The position of a place. A second is that of the first block at or after it: asked for within the rate limit that the
 * workers keep to.
 * @throws UpstreamError
 */
export async function toPosition(place: GivenPlace, parts: LookupParts): Promise<number> {
  if ('position' in place) return place.position;
  const { config, redis, queues, signal } = parts;
  const { urls, exchanges, finalityBlocks } = config.polygon;
  const polygon = new PolygonSource({ urls, exchanges, finalityBlocks });
  const turn = () => takeTurn(redis, queues, fetchQueueOf('polygon'), config, { signal });
  const before = await polygon.blockAt(place.second - 1, { signal, turn });
  return before.number + 1;
}
