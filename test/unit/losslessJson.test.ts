import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseLossless } from '../../src/sources/losslessJson.ts';

test.each([
  ['1e400', '1e400'],
  ['-1E+999', '-1E+999'],
  ['12345678901234567890', '12345678901234567890'],
  ['-9007199254740993', '-9007199254740993'],
])('%s is kept as it is written', (text, kept) => {
  expect(parseLossless(text)).toEqual({ number: kept });
  expect(parseLossless(`{"a": [ ${text}, 1],"${text}":"x ${text}"}`)).toEqual({
    a: [{ number: kept }, 1],
    [text]: `x ${text}`,
  });
});

test.each(['0', '-0.5', '1e5', '9007199254740991', '12345.678901234567', '1e300', '1.5E-7'])(
  '%s is a number',
  (text) => expect(parseLossless(`[${text}]`)).toEqual([Number(text)]),
);

test('what is nested too deep is kept as text, and can be written again', () => {
  const inner = `[{"a\\"]":"}\\\\"},[[1e400]]]`;
  const deep = `${'{"a":['.repeat(50_000)}${inner}${']}'.repeat(50_000)}`;
  const parsed = parseLossless(`{"before": 1, "deep": ${deep}, "after": [2, ${deep}, 3]}`);
  const written = JSON.stringify(parsed);
  expect(parsed).toMatchObject({ before: 1, after: [2, {}, 3] });
  const kept = [...written.matchAll(/\{"json":("(?:[^"\\]|\\.)*")\}/g)].map(
    ([, text]) => JSON.parse(text ?? '') as string,
  );
  expect(kept).toHaveLength(2);
  for (const text of kept) {
    expect(text.length).toBeGreaterThan(deep.length - 1_000);
    expect(deep).toContain(text);
    JSON.parse(text);
  }
});

test('any other JSON comes as JSON.parse gives it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.string(), (json, text) => {
      // Beside a number that has to be kept, so that nothing is left to JSON.parse alone.
      const whole = `[1e400,${json},{${JSON.stringify(text)}:${json}}]`;
      const parsed = JSON.parse(json) as unknown;
      const safe = JSON.stringify(parsed).match(/(?<![\w".])-?\d{16,}/) === null;
      fc.pre(safe);
      expect(parseLossless(json)).toEqual(parsed);
      expect(parseLossless(whole)).toEqual([
        { number: '1e400' },
        parsed,
        JSON.parse(`{${JSON.stringify(text)}:${json}}`),
      ]);
    }),
  );
});

test.each(['', '{', '[1,]', '{"a":1', '"\n"', 'nul'])('%j is refused', (text) =>
  expect(() => parseLossless(text)).toThrow(SyntaxError),
);
