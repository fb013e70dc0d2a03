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

export function blockOf(seed: number, number: number): Block {
  return {
    number,
    hash: hash32(seed, 'block', number),
    parentHash: hash32(seed, 'block', number - 1),
    timestamp: FIRST_BLOCK_SECOND + (number - FIRST_BLOCK) * BLOCK_SECONDS,
  };
}
