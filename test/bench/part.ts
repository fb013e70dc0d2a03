import type { World } from './world.ts';

/** How large a run is: in CI, usually, and with 50 million rows and half an hour. */
export type Scale = 'short' | 'usual' | 'full';

/** One line of the table. */
export interface Figure {
  readonly what: string;
  /** As seen, with its unit. */
  readonly value: string;
  /** What it has to be, as a text; undefined for what is only told. */
  readonly asked?: string;
  readonly met?: boolean;
}

export interface PartResult {
  readonly figures: readonly Figure[];
  /** What was done, and what this does not measure: a sentence each. */
  readonly notes: readonly string[];
}

export interface BenchContext {
  readonly scale: Scale;
  readonly signal: AbortSignal;
  /** Redis and ClickHouse of the benchmark's own, not started before they are asked for. */
  world(): Promise<World>;
  /** Progress, on standard error. */
  say(line: string): void;
}

/** A part of the benchmark, run alone by `npm run bench -- --NAME`. */
export interface Part {
  readonly name: string;
  /** Heading in docs/BENCHMARKS.md. */
  readonly title: string;
  /** For --help. */
  readonly help: string;
  readonly run: (context: BenchContext) => Promise<PartResult>;
}
