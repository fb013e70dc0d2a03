import { once } from 'node:events';
import type { Stage } from './world.ts';

/**
 * `npm run backfill` on a stage, with that many workers.
 * @returns the seconds that it took @throws Error where it fails
 */
export async function runBackfill(
  stage: Stage,
  replicas: number,
  source: string,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<number> {
  const workers = await stage.startWorkers(replicas);
  const started = performance.now();
  const args = ['--source', source, '--from', String(from), '--to', String(to)];
  const child = stage.spawn('src/cli/backfill.ts', args, { quiet: true });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`The backfill ended with ${code}.`);
    return (performance.now() - started) / 1000;
  } finally {
    signal.removeEventListener('abort', stop);
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}
