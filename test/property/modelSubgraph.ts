import { compareCursors, type Cursor } from '../../src/domain/coverage.ts';

/** A record at the place where the server keeps it, whatever the record itself shows. */
export interface ModelEvent {
  readonly place: Cursor;
  readonly record: unknown;
}

interface Where {
  readonly timestamp?: string;
  readonly timestamp_gt?: string;
  readonly timestamp_lt?: string;
  readonly id_gt?: string;
}

export type Lie = 'none' | 'lags' | 'has nothing';
const LAG_S = 2;

/** The orderbook subgraph as its clients see it: filters, order and limit, nothing else. */
export class ModelSubgraph {
  #events: readonly ModelEvent[] = [];
  /** Newest indexed second; undefined where the server does not say. */
  head: number | undefined;
  requests = 0;
  /** What the servers behind it that answer next do wrong; the others are right. */
  readonly lies: Lie[] = [];
  /** Gives no more than this, whatever is asked for. */
  readonly #most: number;

  constructor(most = Infinity) {
    this.#most = most;
  }

  get events(): readonly ModelEvent[] {
    return this.#events;
  }

  set events(events: readonly ModelEvent[]) {
    this.#events = events.toSorted((a, b) => compareCursors(a.place, b.place));
  }

  readonly fetch: typeof fetch = (_url, init) => {
    this.requests++;
    const { variables } = JSON.parse(init?.body as string) as { variables: { first: number; where: Where } };
    const { first, where } = variables;
    const lie = this.lies.shift();
    const head = this.head === undefined ? undefined : this.head - (lie === 'lags' ? LAG_S : 0);
    const found =
      lie === 'has nothing'
        ? []
        : this.#events.filter(
            ({ place }) => matches(where, place) && (lie !== 'lags' || place.position <= (head ?? Infinity)),
          );
    const block = head === undefined ? undefined : { number: 1, timestamp: head };
    const data = {
      orderFilledEvents: found.slice(0, Math.min(first, this.#most)).map(({ record }) => record),
      ...(block === undefined ? {} : { _meta: { block, hasIndexingErrors: false } }),
    };
    return Promise.resolve(new Response(JSON.stringify({ data })));
  };
}

function matches(where: Where, { position, id }: Cursor): boolean {
  return (
    (where.timestamp === undefined || position === Number(where.timestamp)) &&
    (where.timestamp_gt === undefined || position > Number(where.timestamp_gt)) &&
    (where.timestamp_lt === undefined || position < Number(where.timestamp_lt)) &&
    (where.id_gt === undefined || compareCursors({ position: 0, id }, { position: 0, id: where.id_gt }) > 0)
  );
}
