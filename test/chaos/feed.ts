import { Random } from '../../src/simulator/random.ts';
import {
  damage,
  EventMaker,
  gammaMarket,
  makeMarket,
  type MadeEvent,
  type Row,
  type TestMarket,
} from '../support/madeEvents.ts';
import { Ledger } from './ledger.ts';
import { LiveExchange } from './liveExchange.ts';

const MARKETS = 300;
const HISTORY_S = 600;
const TICK_MS = 250;
const BURST = 1_500;
/** One second in this many has a burst, one record in that many is malformed. */
const BURST_EVERY = 25;
const MALFORMED_EVERY = 250;
/** Of the malformed records, one in this many is a megabyte long, and one in that many has an absurd time. */
const HUGE_EVERY = 20;
const ABSURD_EVERY = 4;
const ABSURD_TIMES = ['99999999999999', '-1', '1e9', '', '2024-04-20', 1_714_000_000, null];
const NEW_MARKET_EVERY_S = 12;
/** A new market is listed up to this long after it was made. */
const LISTED_WITHIN_S = 60;
/** Share of the events that are in the newest markets. */
const NEW_MARKETS_SHARE = 0.1;
const NEW_MARKETS = 5;

/** Streams of the seed: each draws for itself. */
const STREAM = { events: 1_000, feed: 1_001 } as const;

/**
 * The live market: each second some events, now and then a burst, malformed records, markets that are listed late. What
 * it gives to the exchange it notes in the ledger.
 */
export class Feed {
  readonly exchange = new LiveExchange();
  readonly ledger = new Ledger();
  /** First second of the history. */
  readonly from: number;
  readonly #withTrouble: boolean;
  readonly #random: Random;
  readonly #maker: EventMaker;
  readonly #markets: TestMarket[] = [];
  /** Not listed yet, and when each will be: unix seconds. */
  #unlisted: { readonly market: TestMarket; readonly at: number }[] = [];
  /** Made, and shown a moment after the others of their second. */
  #held: MadeEvent[] = [];
  #second: number;
  #newest: number;
  #malformed = 0;
  #timer: NodeJS.Timeout | undefined;
  #quiet = false;

  /** @param withTrouble malformed records and markets that are listed late, too */
  constructor(seed: number, withTrouble: boolean) {
    this.#withTrouble = withTrouble;
    this.#random = new Random(seed, STREAM.feed);
    const events = new Random(seed, STREAM.events);
    this.#maker = new EventMaker(seed, (below) => events.below(below), this.#markets);
    for (let index = 0; index < MARKETS; index++) this.#markets.push(makeMarket(index));
    this.exchange.addMarkets(this.#markets.map(gammaMarket));
    if (withTrouble) this.#addBrokenMarket();
    this.#second = lastWholeSecond();
    this.#newest = this.#second;
    this.from = this.#second - HISTORY_S;
  }

  /** Unix second up to which everything is shown. */
  get head(): number {
    return this.#second;
  }

  /** Unix second of the newest trades. */
  get newest(): number {
    return this.#newest;
  }

  /** Gives the exchange its past: a few thousand events, with a burst. */
  addHistory(): void {
    for (let second = this.from; second <= this.#second; second++) {
      this.#show(this.#make(second, second === this.from + 100 ? BURST : this.#random.below(12)));
    }
    this.exchange.indexedUpTo(this.#second);
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** No more trades, and every market is listed; time goes on. */
  quieten(): void {
    this.#quiet = true;
    this.#showHeld();
    this.#list(Infinity);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** An event of a second that has passed, as after a reorg. */
  makeLate(second: number): MadeEvent {
    return this.#maker.make(second);
  }

  #tick(): void {
    this.#showHeld();
    for (const last = lastWholeSecond(); this.#second < last;) {
      this.#showHeld();
      const second = this.#second + 1;
      if (!this.#quiet) this.#openSecond(second);
      this.#second = second;
      this.exchange.indexedUpTo(second);
    }
  }

  #openSecond(second: number): void {
    const random = this.#random;
    const count = random.chance(1 / BURST_EVERY) ? 100 + random.below(BURST) : 20 + random.below(41);
    const events = this.#make(second, count);
    // Some of a second's events are indexed after the others.
    if (random.chance(0.3))
      this.#held = events.splice(Math.ceil(events.length * (0.3 + random.next() * 0.7)));
    this.#show(events);
    this.#newest = second;
    if (!this.#withTrouble) return;
    if (second % NEW_MARKET_EVERY_S === 0) this.#openMarket(second);
    this.#list(second);
  }

  #make(second: number, count: number): MadeEvent[] {
    return Array.from({ length: count }, () => {
      const isNew = this.#random.chance(NEW_MARKETS_SHARE);
      return this.#maker.make(
        second,
        isNew ? this.#random.pick(this.#markets.slice(-NEW_MARKETS)) : undefined,
      );
    });
  }

  #show(events: readonly MadeEvent[]): void {
    const rows = events.map((event, index) => {
      // Never the first: a record without a usable time stands where the one before it does.
      const malformed = this.#withTrouble && index > 0 && this.#random.below(MALFORMED_EVERY) === 0;
      if (!malformed) {
        this.ledger.add(event);
        return event.row;
      }
      const broken = this.#breakRow(event.row);
      this.ledger.addMalformed(broken);
      return broken;
    });
    this.exchange.addEvents(rows);
  }

  #showHeld(): void {
    const held = this.#held;
    this.#held = [];
    for (const event of held) this.ledger.add(event);
    this.exchange.addEvents(held.map(({ row }) => row));
  }

  #breakRow(row: Row): Record<string, unknown> {
    const kind = this.#malformed++;
    if (kind % HUGE_EVERY === 1) return { ...row, [kind % 3 === 0 ? 'id' : 'maker']: huge(row.id) };
    if (kind % ABSURD_EVERY === 2) return { ...row, timestamp: this.#random.pick(ABSURD_TIMES) };
    return damage(row, kind);
  }

  #openMarket(second: number): void {
    const market = makeMarket(this.#markets.length);
    this.#markets.push(market);
    this.#unlisted.push({ market, at: second + this.#random.below(LISTED_WITHIN_S) });
  }

  #list(until: number): void {
    const due = this.#unlisted.filter(({ at }) => at <= until);
    this.#unlisted = this.#unlisted.filter(({ at }) => at > until);
    const createdAt = new Date().toISOString();
    this.exchange.addMarkets(due.map(({ market }) => ({ ...gammaMarket(market), createdAt })));
  }

  #addBrokenMarket(): void {
    const broken = { id: '499999', question: 'Will this market be whole?', closed: false };
    this.exchange.addMarkets([broken]);
    this.ledger.addMalformed(broken);
  }
}

/** Text of a megabyte that is nobody else's. */
function huge(id: string): string {
  return `${id}${'x'.repeat(1_000_000)}`;
}

function lastWholeSecond(): number {
  return Math.floor(Date.now() / 1000) - 1;
}
