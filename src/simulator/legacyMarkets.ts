import { address, hash32, tokenId } from './random.ts';
import type { GammaMarket } from './upstream.ts';

/**
 * Rows as the market API still has them from before the order book: automated market makers without token ids,
 * empty or missing outcomes, prices of nothing, no volume. All closed, all well-formed.
 */
export function legacyMarkets(seed: number): readonly GammaMarket[] {
  return Array.from({ length: 24 }, (_, i) => {
    const question = `Legacy question ${i + 1}: will the measure pass?`;
    return {
      id: String(12 + i * 7),
      question,
      conditionId: hash32(seed, 'legacy', i),
      slug: `legacy-question-${i + 1}`,
      active: true,
      closed: true,
      archived: false,
      createdAt: `2020-10-${String(1 + i).padStart(2, '0')}T16:10:01.411Z`,
      updatedAt: '2024-04-23T00:49:51.620233Z',
      endDate: '2020-11-04T00:00:00Z',
      closedTime: '2020-11-02 16:31:01+00',
      marketMakerAddress: address(seed, 'market maker', i),
      events: [{ id: String(2 + i), ticker: `legacy-${i + 1}`, slug: `legacy-${i + 1}`, title: question }],
      ...ODD[i % ODD.length]?.(seed, i),
    };
  });
}

const ODD: readonly ((seed: number, i: number) => Record<string, unknown>)[] = [
  () => ({ outcomes: '["Yes", "No"]', outcomePrices: '["0", "0"]', volume: '1200.51', volumeNum: 1200.51 }),
  () => ({ outcomes: '', outcomePrices: '', clobTokenIds: '' }),
  () => ({ outcomes: null, clobTokenIds: null, volume: null }),
  (seed, i) => ({
    outcomes: '["Home", "Draw", "Away"]',
    outcomePrices: '["0", "1", "0"]',
    clobTokenIds: JSON.stringify([0, 1, 2].map((outcome) => tokenId(seed, 'legacy', i, outcome))),
    volume: '77.000001',
  }),
  (seed, i) => ({
    outcomes: '["Only"]',
    outcomePrices: '["1"]',
    clobTokenIds: JSON.stringify([tokenId(seed, 'legacy', i, 0)]),
  }),
  () => ({
    outcomes: '[]',
    outcomePrices: '[]',
    clobTokenIds: '[]',
    endDate: undefined,
    closedTime: undefined,
  }),
];
