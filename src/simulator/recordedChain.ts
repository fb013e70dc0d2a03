import { BLOCK_SECONDS, blockNumberAt, blockOf, blockSecond } from './chain.ts';
import { encodeLog, type LogPlace } from './logs.ts';
import { toRow, type Block, type ChainLog, type UpstreamEvent } from './upstream.ts';

const SEED = 0;

/** Where a recorded event stands in the chain; undefined for one that does not say. */
export function placeOf({ fill, row }: UpstreamEvent): (LogPlace & { readonly block: number }) | undefined {
  if (fill !== undefined) return { ...fill, block: fill.blockNumber };
  const cell = (camel: string, snake: string): unknown => row[camel] ?? row[snake];
  const [block, logIndex] = [
    whole(cell('blockNumber', 'block_number')),
    whole(cell('logIndex', 'log_index')),
  ];
  const exchange = row['exchange'];
  if (block === undefined || logIndex === undefined || typeof exchange !== 'string') return undefined;
  return {
    block,
    logIndex,
    exchange: exchange.toLowerCase(),
    transactionIndex: whole(cell('transactionIndex', 'transaction_index')) ?? 0,
    builder: typeof row['builder'] === 'string' ? row['builder'] : '',
    metadata: typeof row['metadata'] === 'string' ? row['metadata'] : '',
  };
}

/** The chain of a recording: the blocks its events name, with their times, and blocks of 2 s around them. */
export class RecordedChain {
  readonly #byBlock = new Map<number, UpstreamEvent[]>();
  /** Blocks with events by number, and their seconds. */
  readonly #known: readonly (readonly [number: number, second: number])[];
  readonly #forkOf: (block: number) => string;

  constructor(events: readonly UpstreamEvent[], forkOf: (block: number) => string) {
    this.#forkOf = forkOf;
    const seconds = new Map<number, number>();
    for (const event of events) {
      const block = placeOf(event)?.block;
      if (block === undefined) continue;
      seconds.set(block, event.timestamp);
      const known = this.#byBlock.get(block);
      if (known === undefined) this.#byBlock.set(block, [event]);
      else known.push(event);
    }
    this.#known = [...seconds].sort(([a], [b]) => a - b);
  }

  /** The oldest and the newest block that an event names. */
  get first(): number | undefined {
    return this.#known[0]?.[0];
  }

  get last(): number | undefined {
    return this.#known.at(-1)?.[0];
  }

  block(number: number): Block {
    return blockOf(SEED, number, this.#secondOf(number), this.#forkOf);
  }

  /** The newest block at or before a second. */
  numberAt(second: number): number {
    const place = this.#upTo(1, second);
    const near = this.#known[place - 1] ?? this.#known[0];
    if (near === undefined) return blockNumberAt(second);
    const end = place === 0 ? Infinity : (this.#known[place]?.[0] ?? Infinity);
    let found = Math.min(end - 1, near[0] + Math.floor((second - near[1]) / BLOCK_SECONDS));
    // Between two known blocks the others are evenly spread, which need not be 2 s.
    while (this.#secondOf(found) > second) found--;
    while (found + 1 < end && this.#secondOf(found + 1) <= second) found++;
    return found;
  }

  /** By log index; events whose row no log can say are left out. */
  logs(number: number): readonly ChainLog[] {
    const events = this.#byBlock.get(number);
    if (events === undefined) return [];
    const block = this.block(number);
    const placed = events.flatMap((event) => {
      const place = placeOf(event);
      const log = place && logOf(event, place, block);
      return log === undefined ? [] : [{ index: place?.logIndex ?? 0, log }];
    });
    return placed.sort((a, b) => a.index - b.index).map(({ log }) => log);
  }

  #secondOf(number: number): number {
    const place = this.#upTo(0, number);
    const [before, after] = [this.#known[place - 1], this.#known[place]];
    if (before !== undefined && after !== undefined) {
      const share = (number - before[0]) / (after[0] - before[0]);
      return before[1] + Math.floor((after[1] - before[1]) * share);
    }
    const near = before ?? after;
    return near === undefined ? blockSecond(number) : near[1] + (number - near[0]) * BLOCK_SECONDS;
  }

  /** How many of the known blocks have a number (0) or a second (1) up to a value. */
  #upTo(column: 0 | 1, value: number): number {
    let [low, high] = [0, this.#known.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#known[middle]?.[column] ?? Infinity) <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function logOf(event: UpstreamEvent, place: LogPlace, block: Block): ChainLog | undefined {
  const { fill } = event;
  try {
    const log = encodeLog(fill === undefined ? event.row : toRow(fill), place, block);
    return fill === undefined ? { log } : { log, fill };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function whole(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
