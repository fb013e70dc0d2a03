import { expect } from 'vitest';
import { compareCursors, type Cursor } from '../../src/domain/coverage.ts';
import { GoldskySource } from '../../src/sources/goldsky.ts';
import { chainJobId } from '../../queues/chain.ts';
import { recordsOf } from '../../queues/packedRecords.ts';
import type { FetchGoldskyPayload, OrdersPayload } from '../../queues/payloads.ts';
import { fetchGoldsky } from '../../workers/fetch.goldsky.ts';
import { Crash, MemoryContext } from './memoryContext.ts';
import type { ModelSubgraph } from './modelSubgraph.ts';
import { FUTURE, showsPlace, START, tagOf } from './pagedEvents.ts';

/** What the pipeline does with a subgraph, a page a job; and what it then has. */
export class Reader {
  readonly #memory: MemoryContext;
  readonly #subgraph: ModelSubgraph;
  readonly #run;
  readonly landed = new Set<number>();
  readonly ranges: { readonly from: Cursor; readonly to: Cursor }[] = [];

  /** Where servers lie, only where something is known that it has to hold an answer is sure to be whole. */
  readonly #isHonest: boolean;

  /** @param crashes steps at which the worker is killed; its job is done again */
  constructor(subgraph: ModelSubgraph, pageSize: number, crashes: Iterable<number> = [], isHonest = true) {
    this.#subgraph = subgraph;
    this.#isHonest = isHonest;
    const source = new GoldskySource({ url: 'http://subgraph', fetch: subgraph.fetch });
    const small = Object.assign(Object.create(source) as GoldskySource, {
      fetchPage: (cursor, options) => source.fetchPage(cursor, { ...options, pageSize }),
    } satisfies Partial<GoldskySource>);
    this.#memory = new MemoryContext({ goldsky: small });
    this.#memory.crashes = new Set(crashes);
    this.#run = fetchGoldsky(this.#memory.context);
  }

  get cursor(): Cursor | undefined {
    return this.#memory.state.cursor;
  }

  /** Changes with everything that is read. */
  get standing(): string {
    return JSON.stringify([this.cursor, this.landed.size]);
  }

  /** One poll: the tail's chain, from where the last one ended. */
  async poll(nth: number): Promise<void> {
    const cursor = this.cursor ?? { position: START, id: '' };
    const { known } = this.#memory.state;
    this.#memory.state = { ...this.#memory.state, cursor, chainId: `poll${nth}` };
    await this.chain({
      kind: 'tail',
      cursor,
      chain: { id: `poll${nth}`, step: 0 },
      ...(known === undefined ? {} : { known }),
    });
  }

  /** A job and all that follow it. */
  async chain(payload: Exclude<FetchGoldskyPayload, { kind: 'reread' }>): Promise<void> {
    let job: { id: string; payload: FetchGoldskyPayload } | undefined = {
      id: chainJobId(payload.kind, payload.chain),
      payload,
    };
    for (let steps = 0; job !== undefined; steps++) {
      if (steps > 500) throw new Error('the chain has no end');
      await this.#untilDone(job);
      for (const page of this.#memory.take('orders')) this.#land(page.payload);
      job = this.#memory.take('fetch.goldsky')[0];
    }
  }

  /** Whether something is known that an answer from here on has to hold. */
  #hasRead({ position, id }: Cursor): boolean {
    const known = this.#subgraph.events.filter(
      ({ place, record }) => this.landed.has(tagOf(record)) && showsPlace(record, place),
    );
    return id === '' && known.some(({ place }) => place.position >= position && place.position !== FUTURE);
  }

  async #untilDone(job: { readonly id: string; readonly payload: FetchGoldskyPayload }): Promise<void> {
    for (;;) {
      try {
        await this.#memory.run(this.#run, 'fetch.goldsky', job, 10);
        return;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
    }
  }

  #land({ records, range }: OrdersPayload): void {
    const isSure = this.#isHonest || (range !== null && this.#hasRead(range.from));
    const tags = new Set(recordsOf(records).map(tagOf));
    for (const tag of tags) this.landed.add(tag);
    if (range === null || !isSure) return;
    this.ranges.push(range);
    // A covered range holds all there is in it.
    const inside = this.#subgraph.events.filter(
      ({ place }) => compareCursors(place, range.from) > 0 && compareCursors(place, range.to) <= 0,
    );
    const missing = inside.filter(({ record }) => !tags.has(tagOf(record)));
    expect({ range, missing }).toEqual({ range, missing: [] });
  }
}
