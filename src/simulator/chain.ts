import { hash32 } from './random.ts';
import type { Block } from './upstream.ts';

/** A block is this long, and all its events carry its first second. */
export const BLOCK_SECONDS = 2;
const FIRST_BLOCK = 33_605_403;
const FIRST_BLOCK_SECOND = 1_668_988_800;

/** The newest block at or before a second. */
export function blockNumberAt(second: number): number {
  return FIRST_BLOCK + Math.floor((second - FIRST_BLOCK_SECOND) / BLOCK_SECONDS);
}

/** The unix second of a block. */
export function blockSecond(number: number): number {
  return FIRST_BLOCK_SECOND + (number - FIRST_BLOCK) * BLOCK_SECONDS;
}

/**
 * A block of the chain.
 * @param forkOf names the fork a block is on ('' = none): another fork, another hash
 */
export function blockOf(
  seed: number,
  number: number,
  timestamp: number,
  forkOf: (number: number) => string,
): Block {
  const hash = (at: number): string => {
    const fork = forkOf(at);
    return fork === '' ? hash32(seed, 'block', at) : hash32(seed, 'block', at, fork);
  };
  return { number, hash: hash(number), parentHash: hash(number - 1), timestamp };
}
