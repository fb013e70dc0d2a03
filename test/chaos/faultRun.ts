import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { oneLine } from '../../src/base/errors.ts';
import type { World } from './fault.ts';
import type { Plan, PlannedFault } from './schedule.ts';

/** How many faults of each kind were done, and the kinds that could not be done. */
export interface FaultCounts {
  readonly byKind: ReadonlyMap<string, number>;
  /** A fault that fails is a mistake of the test, not of the pipeline. */
  readonly mistakes: readonly string[];
}

/**
 * Does what the plans say, all targets at once, until the signal is aborted; says each fault as it happens. Resolves when
 * everything that was done is undone.
 */
export async function runFaults(
  plans: readonly Plan[],
  world: World,
  signal: AbortSignal,
): Promise<FaultCounts> {
  // Every target waits for it.
  setMaxListeners(0, signal);
  const startedAt = performance.now();
  const byKind = new Map<string, number>();
  const mistakes: string[] = [];
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);
  const since = () => performance.now() - startedAt;

  const doFault = async ({ kind, fault }: PlannedFault) => {
    world.say(`${(since() / 1_000).toFixed(1).padStart(7)} s  ${fault.what}`);
    try {
      if ((await fault.run(world, pause)) === false) {
        world.say(`           (not done, it is away: ${fault.what})`);
        return;
      }
      byKind.set(kind.name, (byKind.get(kind.name) ?? 0) + 1);
    } catch (error) {
      mistakes.push(`${fault.what}: ${oneLine(error)}`);
      world.say(`a fault failed: ${mistakes.at(-1)}`);
    }
  };
  await Promise.all(
    plans.map(async ({ faults }) => {
      for (const planned of faults) {
        await pause(Math.max(0, planned.atMs - since()));
        if (signal.aborted) return;
        await doFault(planned);
      }
    }),
  );
  return { byKind, mistakes };
}
