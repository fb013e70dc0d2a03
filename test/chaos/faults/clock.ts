import { between, seconds, WORKERS, type FaultKind, type Target } from '../fault.ts';

const JUMPS = [
  ['1 h ahead', 3_600_000],
  ['1 h behind', -3_600_000],
  ['30 s ahead', 30_000],
  ['30 s behind', -30_000],
] as const;

function jump(worker: string, what: string, ms: number): FaultKind {
  return {
    name: `clock ${what}`,
    group: 'clock',
    share: 1,
    draw: (random) => {
      const forMs = between(random, 2, 10);
      return {
        what: `the clock of ${worker} is ${what} for ${seconds(forMs)}`,
        forMs,
        run: async ({ clocks }, pause) => {
          clocks.set(worker, ms);
          await pause(forMs);
          clocks.set(worker, 0);
        },
      };
    },
  };
}

export const CLOCKS: readonly Target[] = WORKERS.map((worker) => ({
  name: `clock of ${worker}`,
  everyS: 60,
  kinds: JUMPS.map(([what, ms]) => jump(worker, what, ms)),
}));
