import type { Random } from '../../src/simulator/random.ts';
import type { Control } from '../../src/simulator/control.ts';
import type { ClickHouseProxy } from '../support/clickhouseProxy.ts';
import type { OutageProxy } from '../support/outageProxy.ts';
import type { Clocks } from './clocks.ts';
import type { SupervisedStack } from './supervisedStack.ts';

export const GROUPS = ['kills', 'redis', 'clickhouse', 'upstream', 'clock', 'reorg', 'records'] as const;
export type Group = (typeof GROUPS)[number];

export const WORKERS = ['worker-1', 'worker-2', 'worker-3'] as const;

/** What faults can lay hands on. */
export interface World {
  readonly dataDir: string;
  readonly stack: SupervisedStack;
  /** Of the Redis itself, without the proxy. */
  readonly redisUrl: string;
  readonly redis: OutageProxy;
  readonly clickhouse: ClickHouseProxy;
  readonly upstream: Control;
  readonly clocks: Clocks;
  /** A line of the run's report. */
  readonly say: (line: string) => void;
}

/** Waits that many milliseconds, or until the run ends its faults. */
export type Pause = (ms: number) => Promise<void>;

type Done = void | boolean;

/** A fault with everything drawn: does it, and undoes it when its time is over. */
export interface Fault {
  /** What happens, e.g. `worker-2 is stopped for 4.2 s`. */
  readonly what: string;
  /** How long it lasts; 0 when left out. */
  readonly forMs?: number;
  /** Gives false where there was nothing to break: it was broken already. */
  readonly run: (world: World, pause: Pause) => Done | Promise<Done>;
}

export interface FaultKind {
  readonly name: string;
  readonly group: Group;
  /** How many cards it has in the deck of its target. */
  readonly share: number;
  readonly draw: (random: Random) => Fault;
}

/** Something that breaks in one way at a time. */
export interface Target {
  readonly name: string;
  /** Mean seconds between the end of one fault and the next. */
  readonly everyS: number;
  readonly kinds: readonly FaultKind[];
}

/** A time between, in milliseconds, evenly drawn. */
export function between(random: Random, fromS: number, toS: number): number {
  return Math.round((fromS + random.next() * (toS - fromS)) * 1_000);
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
