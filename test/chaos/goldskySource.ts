import type { Simulator } from '../../src/simulator/simulator.ts';
import type { Target } from './fault.ts';
import { GOLDSKY } from './faults/goldsky.ts';
import { subgraphReorgs } from './faults/subgraphReorgs.ts';
import { Feed } from './feed.ts';
import type { Expected, Source, SourceOptions, Story } from './source.ts';

/** The subgraph, fed by hand: what it has to hold is kept in a ledger beside it. */
export class GoldskySource implements Source {
  readonly targets: readonly Target[];
  readonly #feed: Feed;

  constructor({ seed, withTrouble, deepestReorgS }: SourceOptions) {
    this.#feed = new Feed(seed, withTrouble);
    this.#feed.addHistory();
    this.targets = [GOLDSKY, ...subgraphReorgs(this.#feed, deepestReorgS)];
  }

  get simulator(): Source['simulator'] {
    return { upstream: this.#feed.exchange };
  }

  settings({ goldskyUrl }: Simulator): Record<string, string> {
    return { ORDER_SOURCES: 'goldsky', GOLDSKY_URL: goldskyUrl, GOLDSKY_START: String(this.#feed.from) };
  }

  start(): void {
    this.#feed.start();
  }

  quieten(): void {
    this.#feed.quieten();
  }

  stop(): void {
    this.#feed.stop();
  }

  newest(): number {
    return this.#feed.newest;
  }

  expected(): Expected {
    return { ...this.#feed.ledger.expected(), mayBeQuarantined: new Set() };
  }

  counts(): [string, number][] {
    const { events, malformed, reorganised } = this.#feed.ledger.counts;
    return [
      ['order events', events],
      ['malformed records', malformed],
      ['events changed by reorgs', reorganised],
    ];
  }

  story(id: string): Story {
    const { ledger } = this.#feed;
    const [hash = '', order = ''] = id.split('_');
    const second = ledger.secondOf(id);
    return {
      lines: [`upstream: ${second === undefined ? 'gone' : `second ${second}`}`, ...ledger.historyOf(id)],
      where: 'transaction_hash = {hash:String} AND order_hash = {order:String}',
      params: { hash, order },
    };
  }
}
