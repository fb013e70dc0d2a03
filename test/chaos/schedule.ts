import { Random } from '../../src/simulator/random.ts';
import type { Fault, FaultKind, Target } from './fault.ts';

export interface PlannedFault {
  /** Milliseconds after the start of the faults, at the earliest: a target's faults never overlap. */
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly fault: Fault;
}

/** The faults of one target, in their order. */
export interface Plan {
  readonly target: string;
  readonly faults: readonly PlannedFault[];
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** 1: as often as the targets say; 2: twice as often. */
  readonly pace: number;
}

/** No two faults of a target are nearer than this, in milliseconds. */
const SHORTEST_PAUSE_MS = 500;

/**
 * What fails when, how and for how long: all of it from the seed. Each target draws for itself, so that it does the
 * same whatever other groups of faults are chosen.
 */
export function makeSchedule(targets: readonly Target[], options: ScheduleOptions): Plan[] {
  return targets.map((target) => ({ target: target.name, faults: planOf(target, options) }));
}

function planOf(target: Target, { seed, durationMs, pace }: ScheduleOptions): PlannedFault[] {
  const random = new Random(seed, streamOf(target.name));
  const meanMs = (target.everyS * 1_000) / pace;
  const faults: PlannedFault[] = [];
  let deck: FaultKind[] = [];
  // The first one early: a short run has all of them, too.
  for (let atMs = random.next() * Math.min(meanMs, durationMs / 2); atMs < durationMs;) {
    if (deck.length === 0) deck = shuffled(target, random);
    const kind = deck.pop();
    if (kind === undefined) break;
    const fault = kind.draw(random);
    faults.push({ atMs: Math.round(atMs), kind, fault });
    atMs += (fault.forMs ?? 0) + Math.max(SHORTEST_PAUSE_MS, -Math.log(1 - random.next()) * meanMs);
  }
  return faults;
}

/** Every kind as often as its share says, in a drawn order: none is forgotten for long. */
function shuffled(target: Target, random: Random): FaultKind[] {
  const deck = target.kinds.flatMap((kind) => Array<FaultKind>(kind.share).fill(kind));
  for (let i = deck.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const [a, b] = [deck[i], deck[j]];
    if (a !== undefined && b !== undefined) [deck[i], deck[j]] = [b, a];
  }
  return deck;
}

function streamOf(name: string): number {
  let stream = 0;
  for (const char of name) stream = (Math.imul(stream, 31) + char.charCodeAt(0)) | 0;
  return stream;
}
