import { expect, test } from 'vitest';
import { KNOWN_EXCHANGES, V1_EXCHANGES, versionsText } from '../../src/base/exchanges.ts';
import { BackfillRates } from '../../src/cli/backfillRates.ts';
import { mustBeLater, parsePlace, type GivenPlace } from '../../src/cli/placeOption.ts';
import { positionText } from '../../src/cli/positionText.ts';
import { parseSources, theSource } from '../../src/cli/sourceOption.ts';
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

test('a source: all that this pipeline reads, or the given one; what is not read or unknown is said', () => {
  const config = { orderSources: ['goldsky', 'polygon'] } as const;
  expect(parseSources(undefined, config)).toEqual(['goldsky', 'polygon']);
  expect(parseSources('polygon', config)).toEqual(['polygon']);
  expect(() => parseSources('moon', config)).toThrow(
    '--source=moon is not allowed: it must be goldsky or polygon.',
  );
  expect(() => parseSources('goldsky', { orderSources: ['polygon'] })).toThrow(
    '--source=goldsky is not allowed: ORDER_SOURCES leaves out goldsky.',
  );
  expect(theSource(['polygon'])).toBe('polygon');
  expect(() => theSource(['goldsky', 'polygon'])).toThrow(
    '--source is missing: say --source goldsky or --source polygon.',
  );
});

test('a place of goldsky is a second, one of polygon a block or a time whose block is looked up', () => {
  expect(parsePlace('goldsky', 'from', '1714003200')).toEqual({ position: 1_714_003_200 });
  expect(parsePlace('goldsky', 'from', '2024-04-25')).toEqual({ position: 1_714_003_200 });
  expect(parsePlace('polygon', 'from', '33605403')).toEqual({ position: 33_605_403 });
  expect(parsePlace('polygon', 'from', '0')).toEqual({ position: 0 });
  expect(parsePlace('polygon', 'from', '2026-05-01')).toEqual({ second: 1_777_593_600 });
  expect(parsePlace('polygon', 'from', '2026-05-01T12:00:00')).toEqual({ second: 1_777_636_800 });
});

test.each([
  ['soon', /^--to=soon is not allowed: it must be a block or a time in UTC like 2026-05-01 .*:00\.$/],
  ['-1', /must be a block/],
  ['1.5', /must be a block/],
  ['2026-02-30', /must be a block/],
  ['1000000000', /this looks like a unix second\)/],
  ['1777593600', /this looks like a unix second\)/],
  ['1777593600000', /this looks like a unix millisecond\)/],
])('a place %s of polygon is refused in one line', (text, line) => {
  expect(() => parsePlace('polygon', 'to', text)).toThrow(line);
});

test('a range ends later than it begins; a block and a time are compared once the block is known', () => {
  const typed = { from: 'X', to: 'Y' };
  const later = (from: GivenPlace, to: GivenPlace) => () => mustBeLater(typed, from, to);
  expect(later({ position: 5 }, { position: 6 })).not.toThrow();
  expect(later({ position: 5 }, { position: 5 })).toThrow(
    '--to=Y is not allowed: it must be later than --from=X.',
  );
  expect(later({ second: 6 }, { second: 5 })).toThrow(/must be later/);
  expect(later({ position: 90_000_000 }, { second: 5 })).not.toThrow();
});

test('places and lengths of a source stand as times or as blocks', () => {
  const times = positionText('goldsky');
  expect(times.place({ position: 1_714_003_200, id: '0x123456789abcdef' })).toBe(
    '2024-04-25 00:00:00 (0x12345678…)',
  );
  expect([times.length(90), times.unit, times.zone]).toEqual(['1 min 30 s', '(UTC)', ' UTC']);
  const blocks = positionText('polygon');
  expect([blocks.place(84_902_353), blocks.cell(84_902_353)]).toEqual(['block 84902353', '84902353']);
  expect([blocks.length(1), blocks.length(1_234), blocks.zone]).toEqual(['1 block', '1,234 blocks', '']);
});

test('the progress of a backfill says blocks of all where the positions are blocks', () => {
  const progress = { total: 1_000, missing: 400, events: 60_000, lost: [] };
  expect(new BackfillRates('blocks').note(progress)).toBe('60,000 events  600 of 1,000 blocks  0/s');
  expect(new BackfillRates('seconds').note(progress)).toBe('60,000 events  0/s');
});

test('versions of exchanges as people read them, unknown ones counted', () => {
  const addresses = KNOWN_EXCHANGES.map(({ address }) => address);
  expect(versionsText(addresses)).toBe('V1, V2, V3');
  expect(versionsText(V1_EXCHANGES)).toBe('V1');
  expect(versionsText([...addresses.slice(2).toReversed(), `0x${'ab'.repeat(20)}`])).toBe('V2, V3, 1 other');
  expect(versionsText([])).toBe('');
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
