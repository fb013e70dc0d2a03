import { log } from '../src/base/log.ts';
import { formatCursor } from '../src/domain/coverage.ts';
import { endPosition, spansOverlap, type Span } from '../src/domain/spans.ts';
import { lostGaps } from '../src/store/coverage.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { addRange, rangesUnderWay } from '../queues/ranges.ts';
import { GapWatch } from '../queues/gapWatch.ts';
import type { WorkerContext } from './context.ts';
import { GOLDSKY } from './goldskyPage.ts';

/** Gaps looked at in one tick: the others follow. */
const GAPS_A_TICK = 50;
/** A page that is still on its way makes a gap that closes by itself, in milliseconds. */
const PATIENCE_MS = 30_000;
/** With nothing on its way it cannot. */
const PATIENCE_IDLE_MS = 3_000;

/** Fetches again what was lost on its way: gaps of the coverage that last. Those left on purpose are not touched. */
export async function refetchGaps(context: WorkerContext, tickId: string): Promise<Record<string, unknown>> {
  const gaps = await lostGaps(context.database, GOLDSKY, GAPS_A_TICK);
  const underWay = await rangesUnderWay(context.queues);
  // Chains close what lies before them; what they have left behind is lost.
  const left = gaps.filter((gap) => !underWay.some((range) => spansOverlap(gap, range)));
  const byName = new Map(left.map((gap) => [nameOf(gap), gap]));
  const { onTheirWay, failed } = await context.queues.queuedPages();
  const isIdle = onTheirWay + failed === 0;
  const watch = new GapWatch(context.redis, context.config.redis.prefix, GOLDSKY);
  const due = await watch.due([...byName.keys()], isIdle ? PATIENCE_IDLE_MS : PATIENCE_MS);
  for (const [index, [name, fetches]] of [...due].entries()) {
    const gap = byName.get(name);
    if (gap === undefined) continue;
    log('gaps').warn(
      `Nothing covers ${GOLDSKY} from ${formatCursor(gap.from)} to ${formatCursor(gap.to)}: fetched again (${fetches + 1}).`,
    );
    await addRange(context.queues, rangeOf(gap), `gap-${tickId}-${index}`, PRIORITY.gap);
  }
  return { gaps: gaps.length, fetched: due.size };
}

function rangeOf(gap: Span) {
  return { source: GOLDSKY, from: gap.from, to: endPosition(gap) } as const;
}

function nameOf({ from, to }: Span): string {
  return [from.position, from.id, to.position, to.id].join('/');
}
