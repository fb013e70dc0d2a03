import type { Redis } from 'ioredis';
import type { Cursor } from '../src/domain/coverage.ts';

/** A piece of a backfill: everything after `from` and before position `to`, read by one chain of fetch jobs. */
export interface Piece {
  readonly from: Cursor;
  readonly to: number;
  readonly chainId: string;
  /** Chains that were lost with this piece before. */
  readonly losses: number;
}

/** Only what stands there as it was read is taken away: another run may have begun the piece anew. */
const RELEASE = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])`;

/**
 * The pieces of a source that backfills have begun and not yet seen covered. In Redis, so that backfills that run at once,
 * or one after the other, fetch nothing twice; lost with Redis, as the chains are.
 */
export class BackfillPieces {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, prefix: string, source: string) {
    this.#redis = redis;
    this.#key = `${prefix}:backfill:${source}`;
  }

  async all(): Promise<Piece[]> {
    const values = await this.#redis.hvals(this.#key);
    return values.map((value) => JSON.parse(value) as Piece);
  }

  /** False where another run has begun a piece at the same place. */
  async claim(piece: Piece): Promise<boolean> {
    return (await this.#redis.hsetnx(this.#key, fieldOf(piece), JSON.stringify(piece))) === 1;
  }

  /** False where it is not there any more. */
  async release(piece: Piece): Promise<boolean> {
    const value = JSON.stringify(piece);
    return (await this.#redis.eval(RELEASE, 1, this.#key, fieldOf(piece), value)) === 1;
  }
}

function fieldOf({ from }: Piece): string {
  return `${from.position}/${from.id}`;
}
