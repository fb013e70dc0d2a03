import { Random } from '../../../src/simulator/random.ts';
import type { MadeEvent } from '../../support/madeEvents.ts';
import { between, seconds, type FaultKind, type Pause, type Target, type World } from '../fault.ts';

/** How far an event can move, in seconds. */
const FURTHEST_S = 20;
const MOST_EVENTS = 20;

interface Reorg {
  readonly world: World;
  readonly pause: Pause;
  readonly random: Random;
  /** The seconds that are reorganised, both included. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** How long what vanishes to come back is away. */
  readonly awayMs: number;
}

function reorg(name: string, run: (reorg: Reorg) => void | Promise<void>, isLasting = false): FaultKind {
  return {
    name: `reorg: ${name}`,
    group: 'reorg',
    share: 1,
    draw: (random) => {
      const depth = random.next();
      const count = 1 + random.below(MOST_EVENTS);
      const own = new Random(random.below(2 ** 31), 0);
      const awayMs = isLasting ? between(random, 1, 30) : 0;
      return {
        what: `reorg: up to ${count} events ${name}${isLasting ? ` after ${seconds(awayMs)}` : ''}`,
        forMs: awayMs,
        run: (world, pause) => {
          const to = world.feed.head;
          const from = to - Math.floor(depth * world.deepestReorgS);
          return run({ world, pause, random: own, from, to, count, awayMs });
        },
      };
    },
  };
}

/** Takes some events out of the chain. */
function take({ world, random, from, to, count }: Reorg, note: string): MadeEvent[] {
  const { ledger, exchange } = world.feed;
  const events = ledger.draw(random, from, to, count);
  for (const { row } of events) ledger.remove(row.id, `${note} at ${now()}`);
  exchange.removeEvents(events.map(({ row }) => row.id));
  return events;
}

function give({ feed }: World, events: readonly MadeEvent[], note: string): void {
  for (const event of events) feed.ledger.add(event, `${note} at ${now()}`);
  feed.exchange.addEvents(events.map(({ row }) => row));
}

function now(): string {
  return new Date().toISOString().slice(11, 23);
}

function atSecond(event: MadeEvent, second: number): MadeEvent {
  return { ...event, row: { ...event.row, timestamp: String(second) } };
}

const vanish = reorg('vanish', (given) => void take(given, 'vanished'));

const move = reorg('move to another second', (given) => {
  const { world, random } = given;
  const moved = take(given, 'taken').map((event) => {
    const by = (1 + random.below(FURTHEST_S)) * random.pick([-1, 1]);
    return atSecond(event, Math.min(Math.max(Number(event.row.timestamp) + by, world.feed.from), given.to));
  });
  for (const event of moved) give(world, [event], `back in second ${event.row.timestamp}`);
});

const appear = reorg('appear in seconds already passed', ({ world, random, from, to, count }) => {
  const late = Array.from({ length: count }, () =>
    world.feed.makeLate(Math.max(world.feed.from, from + random.below(to - from + 1))),
  );
  give(world, late, 'appeared late');
});

const flicker = reorg(
  'vanish and come back',
  async (given) => {
    const taken = take(given, `taken for ${seconds(given.awayMs)}`);
    await given.pause(given.awayMs);
    give(given.world, taken, 'back');
  },
  true,
);

export const CHAIN: Target = { name: 'chain', everyS: 6, kinds: [vanish, move, appear] };
export const CHAIN_FOR_A_WHILE: Target = { name: 'chain for a while', everyS: 15, kinds: [flicker] };
