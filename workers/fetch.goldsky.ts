import type { WorkerContext } from './context.ts';
import { fetchRangePage } from './goldskyRange.ts';
import { rereadRange } from './goldskyReread.ts';
import { fetchTail } from './goldskyTail.ts';
import type { Processor } from './register.ts';

/** Requests to the subgraph: the next pages of the live tail, a page of a past range, or a range read again. */
export function fetchGoldsky(context: WorkerContext): Processor<'fetch.goldsky'> {
  return async (payload, jobContext) => {
    switch (payload.kind) {
      case 'tail':
        return await fetchTail(context, payload, jobContext);
      case 'range':
        return await fetchRangePage(context, payload, jobContext);
      case 'reread':
        return await rereadRange(context, payload, jobContext);
    }
  };
}
