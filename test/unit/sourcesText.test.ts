import { expect, test } from 'vitest';
import { errorText, excerpt, retryAfterMs, saysRateLimited } from '../../src/sources/upstreamText.ts';

const NOW = Date.parse('2026-04-28T12:00:00Z');

test.each([
  ['7', 7000],
  ['0', undefined],
  ['1.5', 1500],
  ['Tue, 28 Apr 2026 12:00:30 GMT', 30_000],
  ['Tue, 28 Apr 2026 11:00:00 GMT', undefined],
  ['99999999', 900_000],
  ['soon', undefined],
  ['', undefined],
  [null, undefined],
])('Retry-After %j is %j ms', (header, expected) => {
  expect(retryAfterMs(header, NOW)).toBe(expected);
});

test.each([
  [{ error: 'a' }, 'a'],
  [{ message: 'b', statusCode: 404 }, 'b'],
  [{ errors: [{ message: 'c' }] }, 'c'],
  [{ error: { message: 'd' } }, 'd'],
  [{ errors: [] }, ''],
  ['text', ''],
  [null, ''],
])('the error text of %j', (body, expected) => {
  expect(errorText(body)).toBe(expected);
});

test('an excerpt is one short line without paths or queries of URLs', () => {
  expect(excerpt('see\n https://u:p@host.example/key?token=1\tnow')).toBe('see https://host.example now');
  expect(excerpt('x'.repeat(5000))).toHaveLength(201);
});

test('rate limits are told by their words', () => {
  expect(['Too Many Requests', 'rate limit exceeded', 'Rate-limited'].every(saysRateLimited)).toBe(true);
  expect(saysRateLimited('Query timed out')).toBe(false);
});
