import assert from 'node:assert/strict';
import { GammaSource } from '../../src/sources/gamma.ts';
import { GoldskySource } from '../../src/sources/goldsky.ts';
import { parseLossless } from '../../src/sources/losslessJson.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../src/sources/upstreamError.ts';
import type { Random } from '../../src/simulator/random.ts';
import { recordsOf } from '../../queues/packedRecords.ts';
import type { FetchGammaPayload, FetchGoldskyPayload } from '../../queues/payloads.ts';
import type { Write } from '../../workers/writes.ts';
import { fetchGamma } from '../../workers/fetch.gamma.ts';
import { fetchGoldsky } from '../../workers/fetch.goldsky.ts';
import { markets } from '../../workers/markets.ts';
import { orders } from '../../workers/orders.ts';
import { MemoryContext } from '../property/memoryContext.ts';
import { ODD_CURSOR, type HonestUpstream } from './honest.ts';
import { checkCoverage, checkPage, checkRows } from './checks.ts';
import { mutate, type Answer } from './mutations.ts';
import { asResponse } from './wire.ts';

const CODES: ReadonlySet<string> = new Set([
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_RATE_LIMITED',
  'UPSTREAM_SERVER_ERROR',
  'UPSTREAM_BAD_BODY',
  'UPSTREAM_LAGGING',
  'UPSTREAM_LOST_EVENTS',
  'UPSTREAM_EMPTY',
  'UPSTREAM_TOO_EXPENSIVE',
  'UPSTREAM_QUERY_FAILED',
  'UPSTREAM_REJECTED',
  'GOLDSKY_CURSOR_STUCK',
  'GAMMA_CURSOR_STUCK',
] satisfies UpstreamErrorCode[]);

/** An answer that stalls is not waited for longer than this, in milliseconds. */
const STALL_MS = 30;
const PATIENT_MS = 60_000;
const PAGE_SIZES = [1, 2, 5, 10, 20, 50];
const GOLDSKY_URL = 'http://goldsky.example/subgraph';
const GAMMA_URL = 'http://gamma.example';

export interface FuzzResult {
  /** What became of the answer: `goldsky accepted`, `gamma UPSTREAM_BAD_BODY`. */
  readonly outcome: string;
  readonly writes: readonly Write[];
}

/** Changed answers through the real sources and processors; Redis and ClickHouse are not there. */
export class FuzzedPipeline {
  readonly #memory = new MemoryContext({});
  readonly #fetchGoldsky = fetchGoldsky(this.#memory.context);
  readonly #fetchGamma = fetchGamma(this.#memory.context);
  readonly #orders = orders(this.#memory.context);
  readonly #markets = markets(this.#memory.context);
  /** What was done to the last answer. */
  lastChanges: readonly string[] = [];
  #lastBody: Uint8Array = new Uint8Array();
  /** Answers of the subgraph that were accepted in this run. */
  #pages = 0;

  /** One request and all that follows from its answer. @throws where something is wrong with the pipeline */
  async run(id: string, random: Random, upstream: HonestUpstream): Promise<FuzzResult> {
    const isGoldsky = random.chance(0.65);
    const api = isGoldsky ? 'goldsky' : 'gamma';
    this.#pages = 0;
    try {
      await (isGoldsky ? this.#askGoldsky(id, random, upstream) : this.#askGamma(id, random, upstream));
    } catch (error) {
      if (!(error instanceof UpstreamError) || !CODES.has(error.code)) throw error;
      assert.doesNotMatch(error.message, /\n|subgraph\/|keyset/);
      // Pages that the tail had read before are put away; of the answer that is refused there is nothing.
      const before = isGoldsky ? await this.#landOrders() : [];
      assert(before.length <= this.#pages, 'nothing of a refused answer');
      assert.deepEqual(this.#memory.jobs, []);
      return { outcome: `${api} ${error.code}`, writes: before };
    }
    const writes = isGoldsky ? await this.#landOrders() : await this.#landMarkets();
    this.#memory.take(isGoldsky ? 'fetch.goldsky' : 'fetch.gamma');
    assert.deepEqual(this.#memory.jobs, []);
    return { outcome: `${api} accepted${this.lastChanges.length === 0 ? ' unchanged' : ''}`, writes };
  }

  async #askGoldsky(id: string, random: Random, upstream: HonestUpstream): Promise<void> {
    const place = random.pick(upstream.places);
    const cursor = { ...asCursor(place), ...(random.chance(0.3) ? {} : { id: '' }) };
    const pageSize = random.pick(PAGE_SIZES);
    const source = new GoldskySource({
      url: GOLDSKY_URL,
      timeoutMs: PATIENT_MS,
      fetch: this.#changing(random, (url, body) => upstream.goldsky(url, body)),
    });
    const asked = Object.assign(Object.create(source) as GoldskySource, {
      fetchPage: async (from, options) => {
        const page = await source.fetchPage(from, { ...options, pageSize });
        const body = await new Response(new Uint8Array(this.#lastBody)).text();
        checkPage(parseLossless(body), page, from, { ...options, pageSize });
        this.#pages++;
        return page;
      },
    } satisfies Partial<GoldskySource>);
    this.#memory.use({ goldsky: asked });
    const chain = { id, step: 0 };
    this.#memory.state = { chainId: id, cursor };
    const to = cursor.position + random.pick([3, 60]);
    const kind = random.below(10);
    const reread = { kind: 'reread', reason: 'settle', request: id, cursor, to: to + 1 } as const;
    // What the answer before held: this one has to hold it, too.
    const known = cursor.id === '' && random.chance(0.3) ? { known: asCursor(place) } : {};
    const payload: FetchGoldskyPayload =
      kind < 6
        ? { kind: 'tail', cursor, chain, ...known }
        : kind < 8
          ? { kind: 'range', cursor, to, chain, ...known }
          : reread;
    await this.#memory.run(this.#fetchGoldsky, 'fetch.goldsky', { id, payload }, 1);
  }

  async #askGamma(id: string, random: Random, upstream: HonestUpstream): Promise<void> {
    const limit = 1 + random.zipf(4);
    const source = new GammaSource({
      url: GAMMA_URL,
      timeoutMs: PATIENT_MS,
      fetch: this.#changing(random, (url) => upstream.gamma(url)),
    });
    const asked = Object.assign(Object.create(source) as GammaSource, {
      fetchMarkets: async (query) => {
        const page = await source.fetchMarkets({ ...query, limit });
        assert(page.nextCursor === undefined || page.nextCursor !== query.afterCursor, 'the walk goes on');
        return page;
      },
      lookupTokens: (...query) => source.lookupTokens(...query),
      lookupIds: (...query) => source.lookupIds(...query),
    } satisfies Partial<GammaSource>);
    this.#memory.use({ gamma: asked });
    const chain = { id, step: 0 };
    const afterCursor = random.chance(0.3) ? ODD_CURSOR : random.pick(['', '', ...upstream.marketCursors]);
    const closed = random.chance(0.5);
    const kinds: readonly FetchGammaPayload[] = [
      { kind: 'newest', chain },
      { kind: 'sweep', closed, chain, ...(afterCursor === '' ? {} : { afterCursor }) },
      {
        kind: 'tokens',
        tokenIds: [random.pick(upstream.tokens), random.pick(upstream.tokens)],
        closed,
        ledger: 'ctf',
      },
      { kind: 'closedIds', ids: [random.pick(upstream.marketIds)] },
    ];
    await this.#memory.run(this.#fetchGamma, 'fetch.gamma', { id, payload: random.pick(kinds) }, 1);
  }

  #changing(random: Random, honest: (url: string, body: string) => Answer): typeof fetch {
    return async (url, init) => {
      const asked = String(url instanceof Request ? url.url : url);
      const { answer, changes } = mutate(
        random,
        honest(asked, typeof init?.body === 'string' ? init.body : ''),
      );
      this.lastChanges = changes;
      this.#lastBody = answer.body;
      const signal =
        answer.trouble === 'stalled' ? AbortSignal.any([AbortSignal.timeout(STALL_MS)]) : init?.signal;
      return await asResponse(answer, signal);
    };
  }

  async #landOrders(): Promise<Write[]> {
    const writes: Write[] = [];
    for (const { id, payload } of this.#memory.take('orders')) {
      await this.#memory.run(this.#orders, 'orders', { id, payload });
      const [write] = this.#memory.written.splice(0);
      if (write === undefined) throw new Error('nothing is written');
      const page = { ...payload, records: recordsOf(payload.records) };
      checkRows(write, page.records, 'order_event_versions');
      checkCoverage(page, write);
      writes.push(write);
    }
    return writes;
  }

  async #landMarkets(): Promise<Write[]> {
    const writes: Write[] = [];
    for (const { id, payload } of this.#memory.take('markets')) {
      await this.#memory.run(this.#markets, 'markets', { id, payload });
      const [write] = this.#memory.take('writes');
      if (write === undefined) throw new Error('nothing is written');
      checkRows(write.payload, payload.records, 'market_versions');
      writes.push(write.payload);
    }
    return writes;
  }
}

const asCursor = ({ timestamp, id }: HonestUpstream['places'][number]) => ({ position: timestamp, id });
