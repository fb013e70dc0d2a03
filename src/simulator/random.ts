import { hash } from 'node:crypto';

/** The first 32 bytes anyone can derive again from the seed and a name: `0x` + 64 hex digits. */
export function hash32(...parts: readonly (string | number)[]): string {
  return `0x${hash('sha256', parts.join('/'), 'hex')}`;
}

/** A 20-byte address derived like {@link hash32}. */
export function address(...parts: readonly (string | number)[]): string {
  return hash32(...parts).slice(0, 42);
}

/** A 256-bit decimal id, as the token ids of the exchange. */
export function tokenId(...parts: readonly (string | number)[]): string {
  return BigInt(hash32(...parts)).toString();
}

/** A well-mixed unsigned 32-bit integer of up to three integers (the murmur3 finalizer, chained). */
export function mix(a: number, b = 0, c = 0): number {
  let h = scramble((a | 0) ^ 0x9e3779b9);
  h = scramble(h ^ (b | 0) ^ scramble(Math.floor(b / 4_294_967_296)));
  return scramble(h + Math.imul(c | 0, 0x85ebca6b)) >>> 0;
}

function scramble(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** {@link mix} as a number in [0, 1). */
export function unit(a: number, b = 0, c = 0): number {
  return mix(a, b, c) / 4_294_967_296;
}

/** A small fast generator (sfc32): the same seeds always give the same sequence. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: number) {
    this.#a = mix(seed, stream, 1) | 0;
    this.#b = mix(seed, stream, 2) | 0;
    this.#c = mix(seed, stream, 3) | 0;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** Uniform in [0, 1). */
  next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A rank from 0 to n - 1 whose probability falls as 1/(rank + 1): Zipf's law with exponent 1. */
  zipf(n: number): number {
    return Math.min(n - 1, Math.floor(Math.exp(this.next() * Math.log(n + 1))) - 1);
  }

  /** Lognormal with the given median and sigma of the logarithm. */
  lognormal(median: number, sigma: number): number {
    const gauss = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
    return median * Math.exp(sigma * gauss);
  }

  /** Poisson with the given mean; the normal approximation above 50. */
  poisson(mean: number): number {
    if (mean > 50) {
      const gauss = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * gauss));
    }
    const limit = Math.exp(-mean);
    let product = this.next();
    let count = 0;
    while (product > limit) {
      product *= this.next();
      count++;
    }
    return count;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('pick from an empty list');
    return item;
  }
}

/**
 * Noise that moves like a random walk yet can be read at any position without walking there: octaves of
 * interpolated lattice noise, each half as long and 1/sqrt(2) as high as the one before (a Brownian spectrum).
 * @param x position in units of the longest octave; about -2 to 2 comes back.
 */
export function walk(key: number, x: number, octaves: number): number {
  let sum = 0;
  let height = 1;
  let scaled = x;
  for (let octave = 0; octave < octaves; octave++) {
    const cell = Math.floor(scaled);
    const t = scaled - cell;
    const left = unit(key, cell, octave) * 2 - 1;
    const right = unit(key, cell + 1, octave) * 2 - 1;
    sum += height * (left + (right - left) * t * t * (3 - 2 * t));
    height *= Math.SQRT1_2;
    scaled *= 2;
  }
  return sum;
}
