import type { OrderSource } from '../src/base/config.ts';
import { log } from '../src/base/log.ts';
import { formatCursor } from '../src/domain/coverage.ts';
import { endPosition, spanLength, spansOverlap, type Span } from '../src/domain/spans.ts';
import { lostGaps } from '../src/store/coverage.ts';
import { PRIORITY } from '../queues/catalogue.ts';
import { addRange, rangesUnderWay } from '../queues/ranges.ts';
import { GapWatch } from '../queues/gapWatch.ts';
import type { WorkerContext } from './context.ts';
import type { Look, Looks } from './looks.ts';

/** Gaps of a source looked at in one tick: the others follow. */
const GAPS_A_TICK = 50;
/** A page that is still on its way makes a gap that closes by itself, in milliseconds. */
const PATIENCE_MS = 30_000;
/** With nothing on its way it cannot. */
const PATIENCE_IDLE_MS = 3_000;
/** Positions from which on a gap is bulk history. */
const BULK_LENGTH = 2_000;

/** Fetches again what was lost on its way: gaps of the coverage that last. Those left on purpose are not touched. */
export async function refetchGaps(
  context: WorkerContext,
  looks: Looks,
  tickId: string,
): Promise<Record<string, unknown>> {
  const fetched: Record<string, unknown> = {};
  for (const source of context.config.orderSources) {
    fetched[source] = await looks.make(`gaps ${source}`, () => refetchGapsOf(context, source, tickId));
  }
  return fetched;
}

async function refetchGapsOf(
  context: WorkerContext,
  source: OrderSource,
  tickId: string,
): Promise<Look<number>> {
  const gaps = await lostGaps(context.database, source, GAPS_A_TICK);
  const underWay = await rangesUnderWay(context.queues, source);
  // Chains close what lies before them; what they have left behind is lost.
  const left = gaps.filter((gap) => !underWay.some((range) => spansOverlap(gap, range)));
  const byName = new Map(left.map((gap) => [nameOf(gap), gap]));
  const { onTheirWay, failed } = await context.queues.queuedPages();
  const isIdle = onTheirWay + failed === 0;
  const watch = new GapWatch(context.redis, context.config.redis.prefix, source);
  const due = await watch.due([...byName.keys()], isIdle ? PATIENCE_IDLE_MS : PATIENCE_MS);
  for (const [index, [name, fetches]] of [...due].entries()) {
    const gap = byName.get(name);
    if (gap === undefined) continue;
    log('gaps').warn(
      `Nothing covers ${source} from ${formatCursor(gap.from)} to ${formatCursor(gap.to)}: fetched again (${fetches + 1}).`,
    );
    const bulk = context.hypersync !== undefined && spanLength(gap) >= BULK_LENGTH;
    const range = { source, from: gap.from, to: endPosition(gap), bulk };
    await addRange(context.queues, range, `gap-${tickId}-${source}-${index}`, PRIORITY.gap);
  }
  return { found: due.size, quietMs: gaps.length > 0 ? 0 : Infinity };
}

function nameOf({ from, to }: Span): string {
  return [from.position, from.id, to.position, to.id].join('/');
}
