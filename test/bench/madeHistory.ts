import type { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { compareIds, type UpstreamEvent } from '../../src/simulator/upstream.ts';

/** What a request of the pipeline says: `timestamp_gt` with or without `timestamp_lt`, or the rest of one second. */
export interface PageQuery {
  readonly first: number;
  readonly where: {
    readonly timestamp_gt?: string;
    readonly timestamp_lt?: string;
    readonly timestamp?: string;
    readonly id_gt?: string;
  };
}

const ID_STARTS = '{"id":"'.length;
const TIMESTAMP = '"timestamp":"';
/** Seconds between the last event of a history and the first one of its next repetition. */
const PAUSE_S = 2;

/**
 * Order events by (timestamp, id), encoded before anyone asks: a page is a slice of one buffer. A history can be repeated
 * any number of times: the same events at later seconds, which makes them events of their own.
 */
export class MadeHistory {
  readonly events: number;
  /** Base units of all amounts. */
  readonly checksum: bigint;
  readonly #text: Buffer;
  /** Where each record begins in the text; one more than there are records. Each is followed by a comma. */
  readonly #starts: number[] = [];
  readonly #seconds: number[] = [];
  readonly #stamps: number[] = [];
  readonly #length: number;

  constructor(exchange: SimulatedExchange, wanted: number, repetitions: number) {
    const { start } = exchange.options;
    const parts: Buffer[] = [];
    let size = 0;
    let checksum = 0n;
    const add = (events: UpstreamEvent[]) => {
      events.sort((a, b) => compareIds(a.id, b.id));
      for (const { id, row } of events) {
        const record = Buffer.from(`${JSON.stringify({ id, ...row })},`, 'latin1');
        this.#starts.push(size);
        this.#stamps.push(size + record.indexOf(TIMESTAMP) + TIMESTAMP.length);
        this.#seconds.push(Number(row['timestamp']));
        checksum += BigInt(String(row['makerAmountFilled'])) + BigInt(String(row['takerAmountFilled']));
        parts.push(record);
        size += record.length;
      }
    };
    let second: UpstreamEvent[] = [];
    for (const event of exchange.events({ from: start, to: exchange.head().timestamp })) {
      if (second[0] !== undefined && second[0].row['timestamp'] !== event.row['timestamp']) {
        add(second);
        second = [];
        if (this.#starts.length >= wanted) break;
      }
      second.push(event);
    }
    add(second);
    this.#starts.push(size);
    this.#text = Buffer.concat(parts, size);
    this.#length = (this.#seconds.at(-1) ?? 0) - this.first + PAUSE_S;
    this.events = this.#seconds.length * repetitions;
    this.checksum = checksum * BigInt(repetitions);
  }

  get first(): number {
    return this.#seconds[0] ?? 0;
  }

  get last(): number {
    return this.#second(this.events - 1);
  }

  /** The records of a page as the inside of a JSON array. */
  page({ first, where }: PageQuery): Buffer {
    let from: number;
    let to: number;
    if (where.id_gt !== undefined) {
      const { id_gt: after } = where;
      const second = Number(where.timestamp);
      from = this.#search((index) => {
        const at = this.#second(index);
        return at > second || (at === second && compareIds(this.#id(index, after.length), after) > 0);
      });
      to = this.#search((index) => this.#second(index) > second);
    } else {
      const after = Number(where.timestamp_gt);
      const before = Number(where.timestamp_lt ?? Infinity);
      from = this.#search((index) => this.#second(index) > after);
      to = this.#search((index) => this.#second(index) >= before);
    }
    const pieces: Buffer[] = [];
    for (const end = Math.min(to, from + first); from < end;) {
      const place = from % this.#seconds.length;
      const count = Math.min(end - from, this.#seconds.length - place);
      pieces.push(this.#piece(Math.floor(from / this.#seconds.length), place, place + count));
      from += count;
    }
    const page = Buffer.concat(pieces);
    // Without the last comma.
    return page.subarray(0, Math.max(0, page.length - 1));
  }

  /** Records of one repetition, with its seconds. */
  #piece(repetition: number, from: number, to: number): Buffer {
    const start = this.#starts[from] ?? 0;
    const text = this.#text.subarray(start, this.#starts[to]);
    if (repetition === 0) return text;
    const piece = Buffer.from(text);
    for (let index = from; index < to; index++) {
      const second = (this.#seconds[index] ?? 0) + repetition * this.#length;
      piece.write(String(second), (this.#stamps[index] ?? 0) - start, 'latin1');
    }
    return piece;
  }

  #second(index: number): number {
    const all = this.#seconds.length;
    return (this.#seconds[index % all] ?? 0) + Math.floor(index / all) * this.#length;
  }

  #id(index: number, length: number): string {
    const start = (this.#starts[index % this.#seconds.length] ?? 0) + ID_STARTS;
    return this.#text.toString('latin1', start, start + length);
  }

  /** The first index that is: those before are not, those after are. */
  #search(is: (index: number) => boolean): number {
    let low = 0;
    let high = this.events;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (is(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
