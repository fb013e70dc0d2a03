import {
  damage,
  draws,
  EventMaker,
  expectedEvent,
  expectedTrade,
  gammaMarket,
  makeMarket,
} from './madeEvents.ts';

/** A recording to run the pipeline on, and what must be in ClickHouse afterwards. */
export interface Recording {
  /** Subgraph rows, malformed ones among them, in no particular order. */
  readonly rows: Record<string, unknown>[];
  /** Gamma markets. */
  readonly markets: Record<string, unknown>[];
  readonly expected: {
    /** By id: the fields of order_events in the contract's order, as text. */
    readonly orderEvents: Map<string, string>;
    /** By id: the fields of trades. */
    readonly trades: Map<string, string>;
    /** JSON of every malformed record. */
    readonly quarantine: Set<string>;
  };
  /** First and last second with events. */
  readonly from: number;
  readonly to: number;
}

export interface RecordingOptions {
  readonly events: number;
  readonly seed?: number;
  /** Seconds in which more than a page of events happens, and how many of them. */
  readonly bursts?: number;
  readonly burstSize?: number;
  /** One in this many records is malformed. */
  readonly malformedEvery?: number;
}

const START = 1_714_000_000;
const MARKETS = 300;

export function makeRecording(options: RecordingOptions): Recording {
  const { events, seed = 1, bursts = 3, burstSize = 1_500, malformedEvery = 500 } = options;
  const next = draws(seed);
  const markets = Array.from({ length: MARKETS }, (_, index) => makeMarket(index));
  const maker = new EventMaker(seed, next, markets);
  const rows: Record<string, unknown>[] = [];
  const expected: Recording['expected'] = {
    orderEvents: new Map(),
    trades: new Map(),
    quarantine: new Set(),
  };
  let second = START;
  let leftInSecond = 0;

  for (let index = 0; index < events; index++) {
    if (leftInSecond === 0) {
      second += 1 + next(3);
      const burst = bursts > 0 && index % Math.ceil(events / bursts) === Math.floor(events / bursts / 2);
      leftInSecond = burst ? burstSize : 1 + next(60);
    }
    leftInSecond--;

    const event = maker.make(second);
    const { row } = event;
    if (index % malformedEvery === malformedEvery - 1) {
      const broken = damage(row, Math.floor(index / malformedEvery));
      rows.push(broken);
      expected.quarantine.add(JSON.stringify(broken));
      continue;
    }
    rows.push(row);
    expected.orderEvents.set(row.id.toLowerCase(), expectedEvent(event));
    const trade = expectedTrade(event);
    if (trade !== undefined) expected.trades.set(row.id.toLowerCase(), trade);
  }
  return { rows, markets: markets.map(gammaMarket), expected, from: START, to: second };
}
