import { addRecount } from '../queues/recounts.ts';
import { recountableRanges } from '../queues/samples.ts';
import type { WorkerContext } from './context.ts';

const SAMPLES = { count: 3, seconds: 60 };

/** Asks each source again for a few random covered ranges; what comes of it is in `recounts`. */
export async function recountSample(
  context: WorkerContext,
  tickId: string,
): Promise<Record<string, unknown>> {
  const asked: Record<string, unknown> = {};
  for (const source of context.config.orderSources) {
    const samples = await recountableRanges(context.database, source, SAMPLES);
    for (const [index, sample] of samples.entries()) {
      await addRecount(context.queues, source, sample, `scheduled-${tickId}-${source}-${index}`);
    }
    asked[source] = samples.length;
  }
  return asked;
}
