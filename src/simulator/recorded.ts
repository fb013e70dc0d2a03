import { hash32 } from './random.ts';
import { isV1 } from './contracts.ts';
import { RecordedChain } from './recordedChain.ts';
import { entryOf } from './recordedMarkets.ts';
import {
  compareIds,
  toRow,
  type Block,
  type ChainLog,
  type EventRange,
  type Fill,
  type GammaMarket,
  type MarketEntry,
  type OrderRow,
  type Upstream,
  type UpstreamEvent,
} from './upstream.ts';

/**
 * Given events and markets, served exactly as they are, broken ones too. All of it is visible at once: the head
 * is the last event. More can be added while it is served. Nodes serve the logs of fills, and of rows that say their
 * block, log index and exchange; of other rows they know nothing. A reorganisation changes hashes only: what else it
 * changes is said with `removeEvents`, `addEvents` and `addFills`.
 */
export class RecordedExchange implements Upstream {
  readonly #events = new Map<string, UpstreamEvent>();
  readonly finalityBlocks: number;
  #sortedEvents: readonly UpstreamEvent[] | undefined;
  #madeChain: RecordedChain | undefined;
  /** First blocks of the reorganisations. */
  readonly #reorgs: number[] = [];
  #lastTimestamp = 0;
  readonly #markets = new Map<number, MarketEntry>();
  #sortedMarkets: readonly MarketEntry[] | undefined;
  #broken = 0;

  constructor(
    recording: {
      readonly events?: Iterable<OrderRow>;
      readonly fills?: Iterable<Fill>;
      readonly markets?: Iterable<GammaMarket>;
      /** 3 unless said otherwise. */
      readonly finalityBlocks?: number;
    } = {},
  ) {
    this.finalityBlocks = recording.finalityBlocks ?? 3;
    this.addFills(recording.fills ?? []);
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
    this.#changed();
  }

  /** Adds fills of any exchange: the subgraph has those of V1, the nodes have all. */
  addFills(fills: Iterable<Fill>): void {
    for (const fill of fills) {
      const row = toRow(fill);
      const id = row['id'] as string;
      this.#events.set(id, { timestamp: fill.timestamp, id, row, fill });
    }
    this.#changed();
  }

  /** Takes events away, as a reorganisation of the chain does. */
  removeEvents(ids: Iterable<string>): void {
    for (const id of ids) this.#events.delete(id);
    this.#changed();
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
    return { ...this.block(this.#chain.numberAt(timestamp)), timestamp };
  }

  chainHead(): Block {
    const head = this.head();
    const { last } = this.#chain;
    return this.block(last === undefined ? head.number : Math.max(last, head.number));
  }

  block(number: number): Block {
    return this.#chain.block(number);
  }

  logs(block: number): readonly ChainLog[] {
    return this.#chain.logs(block);
  }

  start(): { readonly second: number; readonly block?: number } {
    const second = this.#sorted()[0]?.timestamp ?? 0;
    const block = this.#chain.first;
    return block === undefined ? { second } : { second, block };
  }

  reorg(depth: number): void {
    this.#reorgs.push(this.chainHead().number - Math.min(depth, this.finalityBlocks) + 1);
    this.#changed();
  }

  *events(range: EventRange): Generator<UpstreamEvent> {
    const events = this.#sorted();
    const first = lowerBound(events, range.from);
    const end = lowerBound(events, range.to + 1);
    for (let i = 0; i < end - first; i++) {
      const event = events[range.descending === true ? end - 1 - i : first + i];
      if (event !== undefined && (range.onlyV1 !== true || isV1(event))) yield event;
    }
  }

  markets(): readonly MarketEntry[] {
    this.#sortedMarkets ??= [...this.#markets.values()].sort((a, b) => a.id - b.id);
    return this.#sortedMarkets;
  }

  get #chain(): RecordedChain {
    this.#madeChain ??= new RecordedChain(this.#sorted(), (block) => {
      const last = this.#reorgs.findLastIndex((first) => first <= block);
      return last < 0 ? '' : `reorg ${last}`;
    });
    return this.#madeChain;
  }

  #changed(): void {
    this.#sortedEvents = undefined;
    this.#madeChain = undefined;
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
