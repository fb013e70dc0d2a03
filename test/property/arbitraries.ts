import fc from 'fast-check';
import { compareCursors, type CoveredRange, type Cursor } from '../../src/domain/coverage.ts';

/** The exchange contracts of the tests. */
export const EXCHANGES: ReadonlySet<string> = new Set([
  '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e',
  '0xc5d563a36ae78145c45a50134d48a1215220f80a',
]);

const HEX_DIGITS = [...'0123456789abcdefABCDEF'];

/** `0x` and that many bytes of hex, in any case. */
export function hex(bytes: number): fc.Arbitrary<string> {
  const digits = fc.string({
    unit: fc.constantFrom(...HEX_DIGITS),
    minLength: bytes * 2,
    maxLength: bytes * 2,
  });
  return digits.map((text) => `0x${text}`);
}

/** Any text, beyond ASCII and the first plane too, but no half surrogate pairs. */
export const anyText = fc.string({ unit: 'binary', maxLength: 12 });

const UINT64 = 2n ** 64n - 1n;
const UINT256 = 2n ** 256n - 1n;

/** Base units, at the edges too. */
export const amount = fc
  .oneof(
    fc.constantFrom(0n, 1n, 999_999n, 1_000_000n, 2n ** 53n + 1n, UINT64),
    fc.bigInt({ min: 0n, max: 10n ** 12n }),
    fc.bigInt({ min: 0n, max: UINT64 }),
  )
  .map(String);

export const tokenId = fc
  .oneof(fc.constantFrom(1n, UINT256), fc.bigInt({ min: 1n, max: UINT256 }))
  .map(String);

/** Which of the assets is the collateral: the maker's (it buys), the taker's, both, none. */
const trades = fc.constantFrom('buys', 'buys', 'sells', 'sells', 'both', 'neither');

/** A well-formed record of the subgraph: odd ones (no trade, no price, leading zeros, upper-case hex) among them. */
export const subgraphRecord = fc
  .record({
    transactionHash: hex(32),
    orderHash: hex(32),
    ownId: fc.option(
      anyText.filter((text) => text !== ''),
      { freq: 4, nil: undefined },
    ),
    timestamp: fc.integer({ min: 1_714_000_000, max: 1_716_000_000 }),
    zeros: fc.constantFrom('', '', '', '0', '000'),
    maker: hex(20),
    taker: fc.oneof(hex(20), fc.constantFrom(...EXCHANGES)),
    trades,
    token: tokenId,
    other: tokenId,
    makerAmountFilled: amount,
    takerAmountFilled: amount,
    fee: amount,
  })
  .map(({ ownId, trades, token, other, zeros, ...rest }) => ({
    ...rest,
    id: ownId ?? `${rest.transactionHash}_${rest.orderHash}`,
    timestamp: `${zeros}${rest.timestamp}`,
    makerAmountFilled: `${zeros}${rest.makerAmountFilled}`,
    makerAssetId: trades === 'buys' || trades === 'both' ? '0' : token,
    takerAssetId: trades === 'sells' || trades === 'both' ? '0' : other,
  }));

/** Any JSON value, with the names and values that the parsers look at more often than chance would have them. */
export function hostileJson(names: readonly string[], values: readonly unknown[]): fc.Arbitrary<unknown> {
  const value = fc.oneof(
    fc.constantFrom(...values),
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(null, '', '0', '-1', '1e9', 1e308, -0, '\u0000', '\ud800', [], {}, [[[[]]]]),
  );
  const name = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, fc.string({ unit: 'binary' }));
  return fc.oneof(
    { weight: 1, arbitrary: value },
    { weight: 4, arbitrary: fc.dictionary(name, value, { maxKeys: names.length + 2 }) },
  );
}

/** Cursors that lie close together, so that many are equal in part. */
export const cursor: fc.Arbitrary<Cursor> = fc.record({
  position: fc.integer({ min: 0, max: 6 }),
  id: fc.oneof(fc.constant(''), fc.constantFrom('a', 'b', 'ab', 'B', 'é', '\uffee', '\u{1f600}'), anyText),
});

/** Ranges of one source, in the order of their writing. */
export function ranges(source: string): fc.Arbitrary<CoveredRange[]> {
  const nearby = fc.record({
    position: fc.integer({ min: 0, max: 9 }),
    id: fc.constantFrom('', '', 'a', 'b', 'c', 'ä'),
  });
  return fc.array(
    fc.tuple(nearby, nearby, fc.nat(50)).map(([a, b, events]) => {
      const [from, to] = compareCursors(a, b) <= 0 ? [a, b] : [b, a];
      return { source, from, to, events, quarantined: 0 };
    }),
    { minLength: 1, maxLength: 7 },
  );
}

/** That many values, and the seed that makes the same ones again. */
export function sampled<T>(arbitrary: fc.Arbitrary<T>, numRuns: number): { values: T[]; seed: number } {
  const seed = Math.floor(Math.random() * 2 ** 31);
  return { values: fc.sample(arbitrary, { numRuns, seed }), seed };
}
