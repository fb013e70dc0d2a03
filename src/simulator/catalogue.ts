import { LRUCache } from 'lru-cache';
import { gammaObject, updatedAt } from './gammaObjects.ts';
import { legacyMarkets } from './legacyMarkets.ts';
import { slotOf, type MarketSpec } from './markets.ts';
import { firstSlotSince, type OpenMarkets } from './openMarkets.ts';
import { unit } from './random.ts';
import { entryOf } from './recordedMarkets.ts';
import type { GammaMarket, MarketEntry } from './upstream.ts';

export interface CatalogueOptions {
  readonly seed: number;
  readonly start: number;
  /** Share of markets served without their condition id. */
  readonly malformedShare: number;
}

/** Markets that ended longer than this before the start are left out. */
const CLOSED_SECONDS = 3600;

/** What the market API lists at a second: everything that could trade since the start, and some old rows. */
export class MarketCatalogue {
  readonly #open: OpenMarkets;
  readonly #options: CatalogueOptions;
  readonly #legacy: readonly MarketEntry[];
  readonly #specs: MarketSpec[] = [];
  readonly #objects = new LRUCache<number, { readonly at: number; readonly object: GammaMarket }>({
    max: 20_000,
  });
  #nextSlot: number;
  #listed: { readonly now: number; readonly entries: readonly MarketEntry[] } | undefined;

  constructor(open: OpenMarkets, options: CatalogueOptions) {
    this.#open = open;
    this.#options = options;
    this.#legacy = legacyMarkets(options.seed).map((object, i) => entryOf(object, i));
    this.#nextSlot = firstSlotSince(options.start);
  }

  /** By ascending id. */
  listed(now: number): readonly MarketEntry[] {
    if (this.#listed?.now === now) return this.#listed.entries;
    this.#extend(slotOf(now));
    const entries = [...this.#legacy];
    for (const spec of this.#specs) {
      if (spec.listedAt <= now) entries.push(this.#entry(spec, now));
    }
    this.#listed = { now, entries };
    return entries;
  }

  #extend(slot: number): void {
    for (; this.#nextSlot <= slot; this.#nextSlot++) {
      this.#specs.push(...this.#open.createdIn(this.#nextSlot, this.#options.start - CLOSED_SECONDS));
    }
  }

  #entry(spec: MarketSpec, now: number): MarketEntry {
    return {
      id: spec.id,
      closed: now >= spec.resolvedAt,
      conditionId: spec.conditionId,
      slug: spec.slug,
      tokenIds: spec.tokenIds,
      positionIds: spec.positionIds,
      object: () => this.#object(spec, now),
    };
  }

  #object(spec: MarketSpec, now: number): GammaMarket {
    const at = updatedAt(spec, now);
    const known = this.#objects.get(spec.id);
    if (known?.at === at) return known.object;
    const made = gammaObject(spec, now);
    const broken = unit(spec.key, 31) < this.#options.malformedShare;
    const object = broken ? { ...made, conditionId: null } : made;
    this.#objects.set(spec.id, { at, object });
    return object;
  }
}
