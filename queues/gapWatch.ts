import type { Redis } from 'ioredis';

/** The longest pause before a gap that is still there is fetched again, in milliseconds. */
const LONGEST_PAUSE_MS = 10 * 60_000;

interface Seen {
  /** Milliseconds. */
  readonly since: number;
  readonly fetches: number;
}

/**
 * Which gaps of the coverage have lasted: pages land in any order, so a gap is nothing yet. In Redis, shared by all
 * replicas; lost with it, a gap is only seen for the first time again.
 */
export class GapWatch {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, prefix: string, source: string) {
    this.#redis = redis;
    this.#key = `${prefix}:gaps:${source}`;
  }

  /**
   * Notes the gaps there are, and gives those that have lasted and are to be fetched now, with how often they were.
   * @param patienceMs how long a gap has to last the first time; doubles with each fetch
   */
  async due(gaps: readonly string[], patienceMs: number, now = Date.now()): Promise<Map<string, number>> {
    const seen = Object.entries(await this.#redis.hgetall(this.#key));
    const closed = seen.map(([gap]) => gap).filter((gap) => !gaps.includes(gap));
    if (closed.length > 0) await this.#redis.hdel(this.#key, ...closed);
    const due = new Map<string, number>();
    const notes: [string, string][] = [];
    for (const gap of gaps) {
      const { since, fetches } = parse(seen.find(([name]) => name === gap)?.[1], now);
      // A clock that was set back makes it wait anew, not for ever.
      const lasted = since > now ? 0 : now - since;
      if (lasted >= Math.min(LONGEST_PAUSE_MS, patienceMs * 2 ** fetches)) {
        due.set(gap, fetches);
        notes.push([gap, JSON.stringify({ since: now, fetches: fetches + 1 } satisfies Seen)]);
      } else {
        notes.push([gap, JSON.stringify({ since: Math.min(since, now), fetches } satisfies Seen)]);
      }
    }
    if (notes.length > 0) await this.#redis.hset(this.#key, ...notes.flat());
    return due;
  }
}

function parse(text: string | undefined, now: number): Seen {
  return text === undefined ? { since: now, fetches: 0 } : (JSON.parse(text) as Seen);
}
