import type { OrderSource } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import { subtractSpans } from '../domain/spans.ts';
import type { Database } from '../store/clickhouse.ts';
import type { Sample } from '../store/coverageSample.ts';
import { recountsOf } from '../store/recounts.ts';
import type { Recount } from '../store/tables.ts';
import type { Queues } from '../../queues/producer.ts';
import { addRecount, recountsUnderWay } from '../../queues/recounts.ts';
import { failureOf, PATIENCE_IDLE_MS, PATIENCE_MS } from './underWay.ts';

const MOST_TRIES = 3;

/** What was found in a range. */
export type RangeResult = Sample &
  Pick<Recount, 'upstreamEvents' | 'storedEvents' | 'missing' | 'unexpected' | 'different' | 'examples'>;

interface Asked {
  readonly range: Sample;
  readonly name: string;
  tries: number;
  /** When its job was last seen, in milliseconds of a steady clock. */
  seen: number;
}

/** Has ranges recounted, and gathers what comes of it. */
export class Recounts {
  readonly #database: Database;
  readonly #queues: Queues;
  readonly #source: OrderSource;
  readonly #name: string;
  readonly #asked: Asked[];

  /** @param name of this run, before all its requests */
  constructor(
    { database, queues, source }: { database: Database; queues: Queues; source: OrderSource },
    ranges: readonly Sample[],
    name: string,
  ) {
    this.#database = database;
    this.#queues = queues;
    this.#source = source;
    this.#name = name;
    this.#asked = ranges.map((range, index) => ({ range, name: `${name}-${index}-`, tries: 0, seen: 0 }));
  }

  /**
   * Asks for what was not asked for yet, or was lost (Redis emptied, a job failed), and looks what has come.
   * @returns the ranges that are done, and what was found in them
   * @throws AppError RECOUNT_FAILED where a range was lost several times
   */
  async step(): Promise<{ done: number; results: RangeResult[] }> {
    const underWay = [...(await recountsUnderWay(this.#queues, this.#source))];
    const { onTheirWay } = await this.#queues.queuedPages();
    const found = await recountsOf(this.#database, this.#name);
    const results: RangeResult[] = [];
    for (const asked of this.#asked) {
      const parts = tryThatIsDone(asked, found);
      if (parts !== undefined) results.push(together(asked.range, parts));
      else await this.#ask(asked, underWay, onTheirWay === 0 ? PATIENCE_IDLE_MS : PATIENCE_MS);
    }
    return { done: results.length, results };
  }

  async #ask(asked: Asked, underWay: readonly string[], patienceMs: number): Promise<void> {
    const now = performance.now();
    if (underWay.some((request) => request.startsWith(asked.name))) asked.seen = now;
    if (asked.tries > 0 && now - asked.seen < patienceMs) return;
    if (asked.tries >= MOST_TRIES) {
      const reason = await failureOf(this.#queues, this.#source, asked.name);
      throw new AppError(
        'RECOUNT_FAILED',
        `A range could not be recounted in ${MOST_TRIES} tries: ${reason ?? 'its jobs were lost'}.`,
        { retry: 'never' },
      );
    }
    asked.tries += 1;
    asked.seen = now;
    await addRecount(this.#queues, this.#source, asked.range, `${asked.name}${asked.tries}`);
  }
}

function tryThatIsDone({ range, name, tries }: Asked, found: readonly Recount[]): Recount[] | undefined {
  for (let number = 1; number <= tries; number++) {
    const parts = found.filter(({ request }) => request.startsWith(`${name}${number}`));
    if (isDone(range, parts)) return parts;
  }
  return undefined;
}

/** A range that does not fit in one answer comes in parts. */
function isDone({ from, to }: Sample, parts: readonly Recount[]): boolean {
  const whole = { from: { position: from, id: '' }, to: { position: to, id: '' } };
  const spans = parts.map((part) => ({
    from: { position: part.from, id: '' },
    to: { position: part.to, id: '' },
  }));
  return subtractSpans([whole], spans).length === 0;
}

function together(range: Sample, parts: readonly Recount[]): RangeResult {
  const sum = (key: 'upstreamEvents' | 'storedEvents' | 'missing' | 'unexpected' | 'different') =>
    parts.reduce((total, part) => total + part[key], 0);
  return {
    ...range,
    upstreamEvents: sum('upstreamEvents'),
    storedEvents: sum('storedEvents'),
    missing: sum('missing'),
    unexpected: sum('unexpected'),
    different: sum('different'),
    examples: parts.flatMap(({ examples }) => examples),
  };
}
