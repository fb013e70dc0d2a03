import type { Group, Target } from '../fault.ts';
import { CLICKHOUSE_HTTP } from './clickhouse.ts';
import { CLOCKS } from './clock.ts';
import { CLICKHOUSE_PROCESS, DASHBOARD, SUPERVISOR, WORKER_TARGETS } from './kills.ts';
import { REDIS_NETWORK, REDIS_PROCESS } from './redis.ts';
import { CHAIN, CHAIN_FOR_A_WHILE } from './reorg.ts';
import { GAMMA, GOLDSKY } from './upstream.ts';

const TARGETS: readonly Target[] = [
  ...WORKER_TARGETS,
  DASHBOARD,
  SUPERVISOR,
  CLICKHOUSE_PROCESS,
  REDIS_PROCESS,
  REDIS_NETWORK,
  CLICKHOUSE_HTTP,
  GOLDSKY,
  GAMMA,
  ...CLOCKS,
  CHAIN,
  CHAIN_FOR_A_WHILE,
];

/** The targets with their faults of these groups. */
export function targetsOf(groups: ReadonlySet<Group>): Target[] {
  return TARGETS.flatMap((target) => {
    const kinds = target.kinds.filter(({ group }) => groups.has(group));
    return kinds.length === 0 ? [] : [{ ...target, kinds }];
  });
}
