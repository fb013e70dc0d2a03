import type { WorkerContext } from './context.ts';
import { fetchBlockRange } from './polygonRange.ts';
import { rereadBlocks } from './polygonReread.ts';
import { startTail } from './polygonStart.ts';
import { fetchTail } from './polygonTail.ts';
import type { Processor } from './register.ts';

/** Requests to Polygon nodes: the live tail's next blocks, past blocks, or blocks read again. */
export function fetchPolygon(context: WorkerContext): Processor<'fetch.polygon'> {
  return async (payload, jobContext) => {
    switch (payload.kind) {
      case 'start':
        return await startTail(context, payload, jobContext);
      case 'tail':
        return await fetchTail(context, payload, jobContext);
      case 'range':
        return await fetchBlockRange(context, payload, jobContext);
      case 'reread':
        return await rereadBlocks(context, payload, jobContext);
    }
  };
}
