/** Milliseconds over which a rate is measured. */
const WINDOW_MS = 60_000;

interface Sample {
  readonly at: number;
  readonly counts: ReadonlyMap<string, number>;
}

/**
 * Order events a second of each source, from the differences of its exact row counts: what is read again or written
 * again does not count twice.
 */
export class EventRates {
  #samples: Sample[] = [];

  /** @param at milliseconds of the count */
  add(counts: ReadonlyMap<string, number>, at: number): void {
    this.#samples = [...this.#samples.filter((sample) => at - sample.at <= WINDOW_MS), { at, counts }];
  }

  /** undefined until there are two counts to compare. */
  of(source: string): number | undefined {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at === first.at) return undefined;
    const events = (last.counts.get(source) ?? 0) - (first.counts.get(source) ?? 0);
    return Math.max(0, events / ((last.at - first.at) / 1000));
  }
}
