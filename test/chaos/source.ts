import type { Simulator, SimulatorOptions } from '../../src/simulator/simulator.ts';
import type { Recording } from '../support/recording.ts';
import type { Target } from './fault.ts';

export const SOURCES = ['goldsky', 'polygon'] as const;
export type SourceName = (typeof SOURCES)[number];

export interface SourceOptions {
  readonly seed: number;
  /** Malformed records and markets that are listed late, too. */
  readonly withTrouble: boolean;
  /** How far back the chain is reorganised, in seconds. */
  readonly deepestReorgS: number;
}

/** What has to be in ClickHouse. */
export interface Expected extends Readonly<Recording['expected']> {
  /** Malformed records that were served for a while: they are in quarantine where they were read in time. */
  readonly mayBeQuarantined: ReadonlySet<string>;
  /** By id: the columns of order_events beyond the contract's. Not compared where a source has none. */
  readonly eras?: ReadonlyMap<string, string>;
}

/** Where the events of a run come from: the market that is traded on, and all that can go wrong with it. */
export interface Source {
  /** What the simulator serves. */
  readonly simulator: Pick<SimulatorOptions, 'upstream' | 'nodes'>;
  /** What can break in the source itself. */
  readonly targets: readonly Target[];
  /** Settings of the pipeline that reads it. */
  settings(simulator: Simulator): Readonly<Record<string, string>>;
  /** Time goes on from now. */
  start(): void;
  /** No more trades, and every market is listed; time goes on. */
  quieten(): void;
  stop(): void;
  /** Unix second of the newest trades. */
  newest(): number;
  /** What has to be stored of what is served now. */
  expected(): Expected;
  /** What there was in all, for the report: names with numbers. */
  counts(): readonly (readonly [name: string, count: number])[];
  /** What is known of an event, for whoever looks for it. */
  story(id: string): Story;
}

export interface Story {
  readonly lines: readonly string[];
  /** The condition that finds its versions in `order_event_versions`, with its parameters. */
  readonly where: string;
  readonly params: Readonly<Record<string, string | number>>;
}
