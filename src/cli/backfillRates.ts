import type { BackfillProgress } from './backfillRun.ts';
import { formatCount, formatDuration } from './text.ts';

/** The rates are those of the last seconds. */
const RATE_MS = 30_000;

/** Events, blocks that are done of all, events a second and the time left, as text. */
export class BackfillRates {
  readonly #positions: 'seconds' | 'blocks';
  #samples: (Pick<BackfillProgress, 'missing' | 'events'> & { readonly at: number })[] = [];

  constructor(positions: 'seconds' | 'blocks') {
    this.#positions = positions;
  }

  note({ total, missing, events }: BackfillProgress): string {
    const now = performance.now();
    this.#samples = this.#samples.filter(({ at }) => now - at <= RATE_MS);
    const first = this.#samples[0];
    this.#samples.push({ at: now, missing, events });
    const seconds = first === undefined ? 0 : (now - first.at) / 1000;
    const rate = first === undefined || seconds === 0 ? 0 : (events - first.events) / seconds;
    const covered = first === undefined ? 0 : first.missing - missing;
    const left = covered > 0 && missing > 0 ? `  ${formatDuration((missing * seconds) / covered)} left` : '';
    const blocks = `  ${formatCount(total - missing)} of ${formatCount(total)} blocks`;
    const done = this.#positions === 'blocks' ? blocks : '';
    return `${formatCount(events)} events${done}  ${formatCount(rate)}/s${left}`;
  }
}
