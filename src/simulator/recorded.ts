import { blockNumberAt, blockOf } from './chain.ts';
import { hash32 } from './random.ts';
import { entryOf } from './recordedMarkets.ts';
import {
  compareIds,
  type Block,
  type EventRange,
  type GammaMarket,
  type MarketEntry,
  type OrderRow,
  type Upstream,
  type UpstreamEvent,
} from './upstream.ts';

const SEED = 0;

/**
 * Given events and markets, served exactly as they are, broken ones too. All of it is visible at once: the head
 * is the last event. More can be added while it is served.
 */
export class RecordedExchange implements Upstream {
  readonly #events = new Map<string, UpstreamEvent>();
  #sortedEvents: readonly UpstreamEvent[] | undefined;
  #lastTimestamp = 0;
  readonly #markets = new Map<number, MarketEntry>();
  #sortedMarkets: readonly MarketEntry[] | undefined;
  #broken = 0;

  constructor(
    recording: { readonly events?: Iterable<OrderRow>; readonly markets?: Iterable<GammaMarket> } = {},
  ) {
    this.addEvents(recording.events ?? []);
    this.addMarkets(recording.markets ?? []);
  }

  /**
   * Adds subgraph rows. A row with an id that is there already replaces it, as a later save does in the subgraph.
   * A row without a usable timestamp stands at that of the row added before it, one without a usable id at an id
   * made from its content.
   */
  addEvents(rows: Iterable<OrderRow>): void {
    for (const row of rows) {
      const timestamp = usableTimestamp(row['timestamp']) ?? this.#lastTimestamp;
      const id =
        typeof row['id'] === 'string' && row['id'] !== ''
          ? row['id']
          : hash32('broken', JSON.stringify(row), this.#broken++);
      this.#events.set(id, { timestamp, id, row });
      this.#lastTimestamp = timestamp;
    }
    this.#sortedEvents = undefined;
  }

  /** Takes events away, as a reorganisation of the chain does. */
  removeEvents(ids: Iterable<string>): void {
    for (const id of ids) this.#events.delete(id);
    this.#sortedEvents = undefined;
  }

  /** Adds Gamma markets, or newer states of markets that are there. */
  addMarkets(objects: Iterable<GammaMarket>): void {
    for (const object of objects) {
      const entry = entryOf(object, this.#markets.size);
      this.#markets.set(entry.id, entry);
    }
    this.#sortedMarkets = undefined;
  }

  head(): Block {
    const timestamp = this.#sorted().at(-1)?.timestamp ?? 0;
    return { ...this.block(blockNumberAt(timestamp)), timestamp };
  }

  block(number: number): Block {
    return blockOf(SEED, number);
  }

  *events(range: EventRange): Generator<UpstreamEvent> {
    const events = this.#sorted();
    const first = lowerBound(events, range.from);
    const end = lowerBound(events, range.to + 1);
    for (let i = 0; i < end - first; i++) {
      const event = events[range.descending === true ? end - 1 - i : first + i];
      if (event !== undefined) yield event;
    }
  }

  markets(): readonly MarketEntry[] {
    this.#sortedMarkets ??= [...this.#markets.values()].sort((a, b) => a.id - b.id);
    return this.#sortedMarkets;
  }

  #sorted(): readonly UpstreamEvent[] {
    this.#sortedEvents ??= [...this.#events.values()].sort(
      (a, b) => a.timestamp - b.timestamp || compareIds(a.id, b.id),
    );
    return this.#sortedEvents;
  }
}

function usableTimestamp(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : undefined;
}

/** Index of the first event at or after a second. */
function lowerBound(events: readonly UpstreamEvent[], second: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.timestamp ?? Infinity) < second) low = middle + 1;
    else high = middle;
  }
  return low;
}
