import { expect, test } from 'vitest';
import { looksLikePosition } from '../../src/domain/positionId.ts';

const position = (module: bigint, outcome: bigint) => String((module << 248n) | (0x1234n << 120n) | outcome);

test('a position of the PositionManager is told from a conditional token by its module and its outcome index', () => {
  for (const module of [1n, 2n, 3n]) expect(looksLikePosition(position(module, 1n))).toBe(true);
  expect(looksLikePosition(position(4n, 0n))).toBe(false);
  expect(looksLikePosition(position(1n, 200n))).toBe(false);
  expect(
    looksLikePosition('55071408000000000000000000000000000000000000000000000000000000000000000678380'),
  ).toBe(false);
  expect(looksLikePosition('0')).toBe(false);
});
