import type { OrderSource } from '../base/config.ts';
import { POSITIONS } from '../base/settings.ts';
import type { Cursor } from '../domain/coverage.ts';
import {
  endPosition,
  intersectSpans,
  spanLength,
  spansOverlap,
  subtractSpans,
  type Span,
} from '../domain/spans.ts';
import type { Database } from '../store/clickhouse.ts';
import { uncovered } from '../store/uncovered.ts';
import type { BackfillPieces, Piece } from '../../queues/backfillPieces.ts';
import { PRIORITY } from '../../queues/catalogue.ts';
import type { Queues } from '../../queues/producer.ts';
import { addRange, rangesUnderWay, type RangeUnderWay } from '../../queues/ranges.ts';
import type { FetchPlaces } from './fetchPlaces.ts';
import { failureOf, PATIENCE_IDLE_MS, PATIENCE_MS } from './underWay.ts';

const CHAIN_PREFIX = 'backfill-';
/** Events that a piece should have: a few dozen requests. */
const PIECE_EVENTS = 20_000;
/** Positions. Small pieces first: how dense the events are is not known yet. */
const PIECE_LENGTHS = {
  seconds: { first: 600, shortest: 60, longest: 30 * 86_400 },
  blocks: { first: 200, shortest: 20, longest: 100_000 },
  /** Few requests are allowed, and each goes far. */
  bulkBlocks: { first: 2_000, shortest: 500, longest: 1_000_000 },
};
/** A piece grows at most so many times over the one before. */
const GROWTH = 4;
/** What is left is cut into so many pieces for each chain: towards the end they get smaller, so that all end together. */
const PIECES_A_CHAIN = 3;

/** The patience with a chain that is not seen doubles with each loss, up to this. */
const LONGEST_PATIENCE_MS = 120_000;

export interface BackfillParts {
  readonly database: Database;
  readonly queues: Queues;
  readonly pieces: BackfillPieces;
  readonly source: OrderSource;
  readonly places: FetchPlaces;
  /** Through the source's transport for bulk history. */
  readonly bulk: boolean;
}

export interface BackfillProgress {
  /** Positions of the source that are wanted, and those of them that are not covered yet. */
  readonly total: number;
  readonly missing: number;
  /** Order events that came since the start. */
  readonly events: number;
  /** Pieces that were lost and begun anew, with why where a job says it. */
  readonly lost: readonly (Piece & { readonly reason: string | undefined })[];
}

/**
 * Fills what nothing covers of some stretches of a source. All that lasts is in ClickHouse (what is covered) and Redis (the
 * chains, and which pieces they are of): stopped anywhere and begun again, it goes on with what is still missing.
 */
export class Backfill {
  readonly #parts: BackfillParts;
  readonly #wanted: readonly Span[];
  readonly #window: Span;
  readonly #total: number;
  /** When each chain was last seen at work, or first missed, in milliseconds of a steady clock. */
  readonly #seen = new Map<string, number>();
  /** Pieces that were lost: what is begun in their place has lost as often. */
  #lost: Piece[] = [];
  readonly #lengths: (typeof PIECE_LENGTHS)[keyof typeof PIECE_LENGTHS];
  #pieceLength: number;
  #last: { readonly missing: number; readonly events: number } | undefined;
  #events = 0;

  /** @param wanted in order, and not empty */
  constructor(parts: BackfillParts, wanted: readonly Span[]) {
    this.#parts = parts;
    this.#wanted = wanted;
    const [first, last] = [wanted[0], wanted.at(-1)];
    if (first === undefined || last === undefined) throw new RangeError('Nothing is wanted.');
    this.#window = { from: first.from, to: last.to };
    this.#total = lengthOf(wanted);
    this.#lengths = PIECE_LENGTHS[parts.bulk ? 'bulkBlocks' : POSITIONS[parts.source]];
    this.#pieceLength = this.#lengths.first;
  }

  /** Looks what is missing, and has it fetched as far as there is room for more chains. */
  async step(): Promise<BackfillProgress> {
    const { database, queues, pieces, places, source } = this.#parts;
    const mostChains = await places.chains();
    // In this order: a chain that ends meanwhile is seen in the next step.
    const underWay = await rangesUnderWay(queues, source);
    const begun = await pieces.all();
    const found = await uncovered(database, source, this.#window);
    const missing = intersectSpans(found.missing, this.#wanted);
    this.#learn(lengthOf(missing), found.events);

    const lost = await this.#settle(begun, found.missing, underWay);
    const taken = begun.filter((piece) => !lost.some(({ chainId }) => chainId === piece.chainId));
    const others = underWay.filter(({ chainId }) => !chainId.startsWith(CHAIN_PREFIX));
    const free = subtractSpans(missing, [...taken.map(spanOf), ...others]);
    const chains = underWay.length - others.length;
    await this.#begin(free, mostChains - chains, mostChains);
    return { total: this.#total, missing: lengthOf(missing), events: this.#events, lost };
  }

  /** Takes off pieces that are covered, and those that were lost. Gives the lost ones. */
  async #settle(
    begun: readonly Piece[],
    missing: readonly Span[],
    underWay: readonly RangeUnderWay[],
  ): Promise<(Piece & { readonly reason: string | undefined })[]> {
    const { queues, pieces, source } = this.#parts;
    const { onTheirWay, failed } = await queues.queuedPages();
    const patience = onTheirWay + failed === 0 ? PATIENCE_IDLE_MS : PATIENCE_MS;
    const now = performance.now();
    const lost = [];
    for (const piece of begun) {
      const span = spanOf(piece);
      if (!missing.some((one) => spansOverlap(one, span))) {
        // Of a piece at the edge, another run's, the rest is not known here.
        if (subtractSpans([span], [this.#window]).length === 0) await pieces.release(piece);
        continue;
      }
      if (underWay.some(({ chainId }) => chainId === piece.chainId)) {
        this.#seen.set(piece.chainId, now);
        continue;
      }
      const seen = this.#seen.get(piece.chainId) ?? now;
      this.#seen.set(piece.chainId, seen);
      if (now - seen < Math.min(LONGEST_PATIENCE_MS, patience * 2 ** piece.losses)) continue;
      if (!(await pieces.release(piece))) continue;
      this.#lost.push(piece);
      lost.push({ ...piece, reason: await failureOf(queues, source, `range-${piece.chainId}-`) });
    }
    return lost;
  }

  /** Begins pieces of what is still to be fetched, the earliest first, while there is room for more chains. */
  async #begin(free: readonly Span[], mostNew: number, mostChains: number): Promise<void> {
    const { queues, pieces, source, bulk } = this.#parts;
    const length = this.#lengthFor(lengthOf(free), mostChains);
    let room = mostNew;
    for (const span of free) {
      let from: Cursor = span.from;
      const end = endPosition(span);
      while (room > 0 && from.position < end) {
        const piece = this.#cut(from, end, length);
        if (await pieces.claim(piece)) {
          await addRange(queues, { source, from, to: piece.to, bulk }, piece.chainId, PRIORITY.backfill);
          room -= 1;
        }
        from = { position: piece.to, id: '' };
      }
    }
  }

  /** No chain has much more to read than the others when nothing is left to begin. */
  #lengthFor(left: number, chains: number): number {
    const share = left / (chains * PIECES_A_CHAIN);
    return Math.ceil(Math.max(this.#lengths.shortest, Math.min(this.#pieceLength, share)));
  }

  #cut(from: Cursor, end: number, length: number): Piece {
    // No crumbs: what would be left of less than half a piece goes with it.
    const to = end - from.position < length * 1.5 ? end : from.position + length;
    const place = { from, to: { position: to, id: '' } };
    const losses = Math.max(
      0,
      ...this.#lost.filter((piece) => spansOverlap(spanOf(piece), place)).map((piece) => piece.losses + 1),
    );
    const chainId = `${CHAIN_PREFIX}${from.position}-${from.id.slice(2, 18)}-${to}-${Date.now()}`;
    return { from, to, chainId, losses };
  }

  /** Counts what came, and makes the next pieces as long as what came says. */
  #learn(missing: number, events: number): void {
    const last = this.#last;
    this.#last = { missing, events };
    if (last === undefined) return;
    // Ranges that were merged across an edge of the window are no loss.
    const came = Math.max(0, events - last.events);
    this.#events += came;
    const covered = last.missing - missing;
    if (covered <= 0) return;
    const fitting = came === 0 ? Infinity : (PIECE_EVENTS * covered) / came;
    const { shortest, longest } = this.#lengths;
    const length = Math.min(fitting, this.#pieceLength * GROWTH, longest);
    this.#pieceLength = Math.max(shortest, length);
  }
}

function spanOf({ from, to }: Piece): Span {
  return { from, to: { position: to, id: '' } };
}

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + spanLength(span), 0);
}
