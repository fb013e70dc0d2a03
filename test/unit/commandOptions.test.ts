import { expect, test } from 'vitest';
import { parseSources } from '../../src/cli/sourceOption.ts';
import { formatCount, formatDuration, formatTime, textTable } from '../../src/cli/text.ts';
import { parseTime } from '../../src/cli/timeOption.ts';

test.each([
  ['1714003200', 1_714_003_200],
  ['2024-04-25', 1_714_003_200],
  ['2024-04-25T00:00', 1_714_003_200],
  ['2024-04-25T00:00:00Z', 1_714_003_200],
  ['2024-04-25 01:02:03', 1_714_006_923],
  ['0', 0],
])('a time %s is second %d, in UTC', (text, second) => {
  expect(parseTime('from', text)).toBe(second);
});

test.each([
  '',
  'soon',
  '-1',
  '1.5',
  '2024-02-30',
  '2024-13-01',
  '2024-04-25T25:00',
  '1714003200000',
  '1960-01-01',
])('a time %j is refused in one line that says what is allowed', (text) => {
  expect(() => parseTime('from', text)).toThrow(
    `--from=${text} is not allowed: it must be a unix second or a time in UTC like 2024-04-25`,
  );
});

test('milliseconds are recognised', () => {
  expect(() => parseTime('to', '1714003200000')).toThrow(/look like milliseconds/);
});

test('a source: all that are built, or the given one; what is not built, not run or unknown is said', () => {
  const config = { orderSources: ['goldsky', 'polygon'] } as const;
  expect(parseSources(undefined, config)).toEqual(['goldsky']);
  expect(parseSources('goldsky', config)).toEqual(['goldsky']);
  expect(() => parseSources('polygon', config)).toThrow(/polygon is not built yet; it must be goldsky/);
  expect(() => parseSources('moon', config)).toThrow('--source=moon is not allowed: it must be goldsky.');
  expect(() => parseSources('goldsky', { orderSources: ['polygon'] })).toThrow(/ORDER_SOURCES leaves out/);
  expect(() => parseSources(undefined, { orderSources: ['polygon'] })).toThrow(/ORDER_SOURCES leaves out/);
});

test('numbers, times, durations and tables as people read them', () => {
  expect(formatCount(1_234_567.4)).toBe('1,234,567');
  expect(formatTime(1_714_003_200)).toBe('2024-04-25 00:00:00');
  expect([0, 59, 61, 180, 3_600, 90_000, 86_400 * 2].map(formatDuration)).toEqual([
    '0 s',
    '59 s',
    '1 min 1 s',
    '3 min',
    '1 h',
    '1 day 1 h',
    '2 days',
  ]);
  expect(
    textTable(
      ['what', 'n'],
      [
        ['one', '1'],
        ['twenty', '20'],
      ],
      ['n'],
    ),
  ).toBe('what     n\none      1\ntwenty  20');
});
