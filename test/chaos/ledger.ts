import type { Random } from '../../src/simulator/random.ts';
import { expectedEvent, expectedTrade, type MadeEvent } from '../support/madeEvents.ts';
import type { Recording } from '../support/recording.ts';

/**
 * What the upstream serves now, and so what has to be in ClickHouse in the end: kept beside the simulator, from what was
 * given to it. A malformed record stays for good; an event that a reorg takes is expected no more, wherever it got to.
 */
export class Ledger {
  readonly #events = new Map<string, MadeEvent>();
  readonly #bySecond = new Map<number, Set<string>>();
  readonly #malformed = new Set<string>();
  readonly #history = new Map<string, string[]>();

  /** @param note what happened to it, for whoever looks for it */
  add(event: MadeEvent, note?: string): void {
    const { id, timestamp } = event.row;
    this.#events.set(id, event);
    const second = Number(timestamp);
    const ids = this.#bySecond.get(second);
    if (ids === undefined) this.#bySecond.set(second, new Set([id]));
    else ids.add(id);
    if (note !== undefined) this.#note(id, note);
  }

  addMalformed(record: Record<string, unknown>): void {
    this.#malformed.add(JSON.stringify(record));
  }

  /** Takes an event out; gives it back, undefined where there is none of that id. */
  remove(id: string, note: string): MadeEvent | undefined {
    const event = this.#events.get(id);
    if (event === undefined) return undefined;
    this.#events.delete(id);
    this.#bySecond.get(Number(event.row.timestamp))?.delete(id);
    this.#note(id, note);
    return event;
  }

  /** Some of the events of these seconds, both included. */
  draw(random: Random, from: number, to: number, count: number): MadeEvent[] {
    const ids: string[] = [];
    for (let second = from; second <= to; second++) ids.push(...(this.#bySecond.get(second) ?? []));
    const drawn = new Set<string>();
    for (let i = 0; i < count && ids.length > 0; i++) drawn.add(random.pick(ids));
    return [...drawn].flatMap((id) => this.#events.get(id) ?? []);
  }

  /** What reorgs did to an event; empty for most. */
  historyOf(id: string): readonly string[] {
    return this.#history.get(id) ?? [];
  }

  /** Where the upstream has it now; undefined where it is gone. */
  secondOf(id: string): number | undefined {
    const event = this.#events.get(id);
    return event === undefined ? undefined : Number(event.row.timestamp);
  }

  get counts(): { readonly events: number; readonly reorganised: number; readonly malformed: number } {
    return {
      events: this.#events.size,
      reorganised: this.#history.size,
      malformed: this.#malformed.size,
    };
  }

  expected(): Recording['expected'] {
    const orderEvents = new Map<string, string>();
    const trades = new Map<string, string>();
    for (const [id, event] of this.#events) {
      orderEvents.set(id, expectedEvent(event));
      const trade = expectedTrade(event);
      if (trade !== undefined) trades.set(id, trade);
    }
    return { orderEvents, trades, quarantine: new Set(this.#malformed) };
  }

  #note(id: string, note: string): void {
    const notes = this.#history.get(id);
    if (notes === undefined) this.#history.set(id, [note]);
    else notes.push(note);
  }
}
