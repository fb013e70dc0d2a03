import type { Random } from '../../src/simulator/random.ts';

/** JSON values to change, and strange ones to put into them. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Text that stands for what JSON.stringify does not write, until the body is text. */
const RAW: Readonly<Record<string, string>> = {
  '@deep': `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  '@deep-objects': `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  '@infinite': '1e999',
  '@long-number': '9'.repeat(400),
  '@minus-zero': '-0',
};

const STRANGE_TEXT = [
  '',
  ' ',
  '0',
  '-1',
  '00',
  '1e18',
  '0x',
  'NaN',
  'null',
  '1,000',
  '1.5',
  '18446744073709551616',
  '\u0000',
  '\ud800',
  'a\ud800b',
  '\udc00',
  'é\uffee\u{1f600}',
  'a\nb\tc',
  '"',
  '\\',
  "';--",
  '<html>',
  'Too Many Requests',
  '1714000000000',
  ...[
    '115792089237316195423570985008687907853269984665640564039457584007913129639936',
    '[1,2',
    '["a", null]',
  ],
  '9999-99-99T99:99:99Z',
  '0001-01-01T00:00:00Z',
  `0x${'f'.repeat(64)}`,
  `0x${'G'.repeat(40)}`,
  'x'.repeat(300),
];
const STRANGE_VALUES: readonly Json[] = [
  ...[null, true, false, 0, -1, 1.5, 2 ** 53, 1e308, [], {}, [[]], [null], { toString: null }],
  ...Object.keys(RAW),
];
export function strangeText(random: Random): string {
  return random.pick(STRANGE_TEXT);
}

/** Text or any other value; the caller's own. */
export function strangeValue(random: Random): Json {
  return random.chance(0.5) ? strangeText(random) : structuredClone(random.pick(STRANGE_VALUES));
}

/** The value as text, with what JSON.stringify does not write. */
export function written(value: Json): string {
  const text = stringify(value);
  if (!text.includes('"@')) return text;
  return Object.entries(RAW).reduce((sum, [mark, raw]) => sum.replaceAll(`"${mark}"`, () => raw), text);
}

/** Too deep a value, made by an earlier change, cannot be written again: the body becomes something else then. */
export function stringify(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '[[[[';
  }
}
