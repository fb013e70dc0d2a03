import { LRUCache } from 'lru-cache';
import {
  eventMarkets,
  hasEvent,
  LONGEST_LIFE,
  slotOf,
  SLOT_SECONDS,
  upDownEnd,
  upDownMarkets,
  type MarketOptions,
  type MarketSpec,
} from './markets.ts';
import { unit, type Random } from './random.ts';

const HOUR = 3600;
const SLOTS_PER_DAY = 288;
const UP_DOWN_SHARE = 0.45;

/** Finds the market a match happens in: popular ones often, most hardly ever. */
export class OpenMarkets {
  readonly #options: MarketOptions;
  readonly #upDown = new LRUCache<number, readonly MarketSpec[]>({ max: 2_000 });
  readonly #events = new LRUCache<number, readonly MarketSpec[]>({ max: 4_000 });
  readonly #byHour = new LRUCache<number, readonly (readonly MarketSpec[])[]>({ max: 48 });

  constructor(options: MarketOptions) {
    this.#options = options;
  }

  /** The markets created in a slot that trade at or after a second, by ascending id. */
  createdIn(slot: number, since: number): readonly MarketSpec[] {
    const upDown = upDownEnd(slot) < since ? [] : this.#upDownOf(slot);
    return [...upDown, ...this.#eventOf(slot).filter((market) => market.endsAt >= since)];
  }

  /** A market that trades at the second; undefined before there are any. */
  pick(random: Random, second: number): MarketSpec | undefined {
    if (random.chance(UP_DOWN_SHARE)) {
      // Most of it in the running window, a little in the next one.
      const ahead = random.chance(0.9) ? 0 : 1;
      const markets = this.#upDownOf(slotOf(second) - SLOTS_PER_DAY + ahead);
      if (markets.length > 0) return markets[random.zipf(markets.length)];
    }
    const open = this.#openIn(Math.floor(second / HOUR));
    const event = open[random.zipf(open.length)];
    return event?.[random.zipf(event.length)];
  }

  #upDownOf(slot: number): readonly MarketSpec[] {
    if (slot < 0) return [];
    return remember(this.#upDown, slot, () => upDownMarkets(this.#options, slot));
  }

  #eventOf(slot: number): readonly MarketSpec[] {
    if (!hasEvent(slot)) return [];
    return remember(this.#events, slot, () => eventMarkets(this.#options, slot));
  }

  /** The long-lived events that trade throughout the hour, most popular first. */
  #openIn(hour: number): readonly (readonly MarketSpec[])[] {
    return remember(this.#byHour, hour, () => {
      const open: (readonly MarketSpec[])[] = [];
      const first = slotOf(hour * HOUR - LONGEST_LIFE);
      for (let slot = Math.max(0, first); slot <= slotOf(hour * HOUR); slot++) {
        const event = this.#eventOf(slot);
        const [market] = event;
        if (market === undefined) continue;
        if (market.opensAt <= hour * HOUR && market.endsAt >= (hour + 1) * HOUR) open.push(event);
      }
      const rank = (event: readonly MarketSpec[]): number => unit(event[0]?.key ?? 0, 17);
      return open.sort((a, b) => rank(a) - rank(b));
    });
  }
}

/** Slots whose markets can still matter to someone who looks at what happened since `start`. */
export function firstSlotSince(start: number): number {
  return Math.max(0, slotOf(start - LONGEST_LIFE - SLOT_SECONDS));
}

function remember<K extends number, V extends object>(cache: LRUCache<K, V>, key: K, make: () => V): V {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const value = make();
  cache.set(key, value);
  return value;
}
