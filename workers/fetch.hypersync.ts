import { AppError } from '../src/base/errors.ts';
import type { WorkerContext } from './context.ts';
import { fetchPastBlocks } from './polygonRange.ts';
import { requestsOf } from './polygonPage.ts';
import type { Processor } from './register.ts';

/** One request to HyperSync: the next of many past blocks. */
export function fetchHypersync(context: WorkerContext): Processor<'fetch.hypersync'> {
  return async (payload, jobContext) => {
    const { hypersync } = context;
    if (hypersync === undefined) {
      const what = 'A backfill through HyperSync was begun, and HYPERSYNC_TOKEN is not set here.';
      throw new AppError('NO_HYPERSYNC', what, { retry: 'attempt' });
    }
    const requests = requestsOf(context, 'hypersync', 'fetch.hypersync', jobContext);
    return await fetchPastBlocks(context, payload, jobContext, 'fetch.hypersync', (range) =>
      requests.ask((options) => hypersync.fetchLogs({ ...range, ...options })),
    );
  };
}
