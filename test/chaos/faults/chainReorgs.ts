import type { SimulatedExchange } from '../../../src/simulator/exchange.ts';
import { between, type FaultKind, type Target } from '../fault.ts';

const group = 'reorg';
const MOST_IN_A_ROW = 4;

/** Reorgs of blocks that are not final: transactions vanish, move within them, and others appear. */
export function chainReorgs(chain: SimulatedExchange): Target[] {
  const deepest = chain.finalityBlocks;
  const once = (name: string, least: number, most: number): FaultKind => ({
    name: `reorg: ${name}`,
    group,
    share: 1,
    draw: (random) => {
      const depth = least + random.below(most - least + 1);
      return {
        what: `reorg: ${name}: ${depth}`,
        run: ({ say }) => {
          const { number } = chain.chainHead();
          chain.reorg(depth);
          say(`           (blocks ${number - depth + 1} to ${number} are replaced)`);
        },
      };
    },
  });
  const several: FaultKind = {
    name: 'reorg: several in a row',
    group,
    share: 1,
    draw: (random) => {
      const depths = Array.from({ length: 2 + random.below(MOST_IN_A_ROW - 1) }, () => ({
        depth: 1 + random.below(deepest),
        afterMs: between(random, 0.1, 3),
      }));
      return {
        what: `reorg: several in a row: ${depths.map(({ depth }) => depth).join(', ')}`,
        forMs: depths.reduce((sum, { afterMs }) => sum + afterMs, 0),
        run: async (_, pause) => {
          for (const { depth, afterMs } of depths) {
            await pause(afterMs);
            chain.reorg(depth);
          }
        },
      };
    },
  };
  return [
    {
      name: 'chain of blocks',
      everyS: 6,
      kinds: [
        once('the newest block', 1, 1),
        once('few blocks', 2, Math.max(2, Math.floor(deepest / 3))),
        once('many blocks', Math.ceil(deepest / 2), deepest),
        once('all that are not final', deepest, deepest),
        several,
      ],
    },
  ];
}
