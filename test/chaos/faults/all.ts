import type { Group, Target } from '../fault.ts';
import { CLICKHOUSE_HTTP } from './clickhouse.ts';
import { CLOCKS } from './clock.ts';
import { GAMMA } from './gamma.ts';
import { CLICKHOUSE_PROCESS, DASHBOARD, SUPERVISOR, WORKER_TARGETS } from './kills.ts';
import { REDIS_NETWORK, REDIS_PROCESS } from './redis.ts';

/** What breaks around any source. */
const TARGETS: readonly Target[] = [
  ...WORKER_TARGETS,
  DASHBOARD,
  SUPERVISOR,
  CLICKHOUSE_PROCESS,
  REDIS_PROCESS,
  REDIS_NETWORK,
  CLICKHOUSE_HTTP,
  GAMMA,
  ...CLOCKS,
];

/** The targets with their faults of these groups. @param ofSource what breaks in the source itself */
export function targetsOf(groups: ReadonlySet<Group>, ofSource: readonly Target[]): Target[] {
  return [...TARGETS, ...ofSource].flatMap((target) => {
    const kinds = target.kinds.filter(({ group }) => groups.has(group));
    return kinds.length === 0 ? [] : [{ ...target, kinds }];
  });
}
