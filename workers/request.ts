import { takeTurn } from '../queues/turns.ts';
import type { WorkerContext } from './context.ts';
import type { JobContext } from './register.ts';

/**
 * Makes a request for a job: behind the API's circuit breaker, and at its turn within the API's rate limit.
 * @param starts it is the first one of its job
 * @throws AppError CIRCUIT_OPEN, STOPPED (wait): no request was made; and whatever the request throws
 */
export async function makeRequest<T>(
  { breakers, redis, queues, config }: WorkerContext,
  api: 'gamma' | 'goldsky',
  { signal }: Pick<JobContext, 'signal'>,
  starts: boolean,
  request: () => Promise<T>,
): Promise<T> {
  return await breakers.guarded(api, async () => {
    await takeTurn(redis, queues, `fetch.${api}`, config, { signal, starts });
    return await request();
  });
}
