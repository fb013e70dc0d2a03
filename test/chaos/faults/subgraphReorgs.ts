import { Random } from '../../../src/simulator/random.ts';
import type { MadeEvent } from '../../support/madeEvents.ts';
import { between, seconds, type FaultKind, type Pause, type Target } from '../fault.ts';
import type { Feed } from '../feed.ts';

/** How far an event can move, in seconds. */
const FURTHEST_S = 20;
const MOST_EVENTS = 20;

interface Reorg {
  readonly feed: Feed;
  readonly pause: Pause;
  readonly random: Random;
  /** The seconds that are reorganised, both included. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** How long what vanishes to come back is away. */
  readonly awayMs: number;
}

/** What reorgs do to the subgraph's rows: they vanish, move to another second, appear late, or come back. */
export function subgraphReorgs(feed: Feed, deepestS: number): Target[] {
  const reorg = (name: string, run: Run, isLasting = false) => kindOf(feed, deepestS, name, run, isLasting);
  return [
    {
      name: 'chain',
      everyS: 6,
      kinds: [
        reorg('vanish', vanish),
        reorg('move to another second', move),
        reorg('appear in seconds already passed', appear),
      ],
    },
    { name: 'chain for a while', everyS: 15, kinds: [reorg('vanish and come back', flicker, true)] },
  ];
}

type Run = (reorg: Reorg) => void | Promise<void>;

function kindOf(feed: Feed, deepestS: number, name: string, run: Run, isLasting: boolean): FaultKind {
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
        run: (_, pause) => {
          const to = feed.head;
          const from = to - Math.floor(depth * deepestS);
          return run({ feed, pause, random: own, from, to, count, awayMs });
        },
      };
    },
  };
}

/** Takes some events out of the chain. */
function take({ feed, random, from, to, count }: Reorg, note: string): MadeEvent[] {
  const { ledger, exchange } = feed;
  const events = ledger.draw(random, from, to, count);
  for (const { row } of events) ledger.remove(row.id, `${note} at ${now()}`);
  exchange.removeEvents(events.map(({ row }) => row.id));
  return events;
}

function give(feed: Feed, events: readonly MadeEvent[], note: string): void {
  for (const event of events) feed.ledger.add(event, `${note} at ${now()}`);
  feed.exchange.addEvents(events.map(({ row }) => row));
}

function now(): string {
  return new Date().toISOString().slice(11, 23);
}

function atSecond(event: MadeEvent, second: number): MadeEvent {
  return { ...event, row: { ...event.row, timestamp: String(second) } };
}

function vanish(reorg: Reorg): void {
  take(reorg, 'vanished');
}

function move(reorg: Reorg): void {
  const { feed, random } = reorg;
  const moved = take(reorg, 'taken').map((event) => {
    const by = (1 + random.below(FURTHEST_S)) * random.pick([-1, 1]);
    return atSecond(event, Math.min(Math.max(Number(event.row.timestamp) + by, feed.from), reorg.to));
  });
  for (const event of moved) give(feed, [event], `back in second ${event.row.timestamp}`);
}

function appear({ feed, random, from, to, count }: Reorg): void {
  const late = Array.from({ length: count }, () =>
    feed.makeLate(Math.max(feed.from, from + random.below(to - from + 1))),
  );
  give(feed, late, 'appeared late');
}

async function flicker(reorg: Reorg): Promise<void> {
  const taken = take(reorg, `taken for ${seconds(reorg.awayMs)}`);
  await reorg.pause(reorg.awayMs);
  give(reorg.feed, taken, 'back');
}
