import { REORG_WINDOW_S } from '../src/sources/goldsky.ts';
import { randomCoveredRanges } from '../src/store/coverageSample.ts';
import { coveredEnd } from '../src/store/coverage.ts';
import { addRecount } from '../queues/recounts.ts';
import type { WorkerContext } from './context.ts';
import { GOLDSKY } from './goldskyPage.ts';

const SAMPLES = 3;
const SAMPLE_S = 60;

/** Asks the source again for a few random covered ranges; what comes of it is in `recounts`. */
export async function recountSample(
  context: WorkerContext,
  tickId: string,
): Promise<Record<string, unknown>> {
  const end = await coveredEnd(context.database, GOLDSKY);
  if (end === undefined) return { samples: 0 };
  const samples = await randomCoveredRanges(context.database, GOLDSKY, {
    count: SAMPLES,
    seconds: SAMPLE_S,
    endsBefore: end.position - REORG_WINDOW_S,
  });
  for (const [index, sample] of samples.entries()) {
    await addRecount(context.queues, sample, `scheduled-${tickId}-${index}`);
  }
  return { samples: samples.length };
}
