import { BLOCK_SECONDS } from '../../src/simulator/chain.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { expectedOf } from '../support/chainRows.ts';
import { ChaosChain } from './chaosChain.ts';
import type { Target } from './fault.ts';
import { chainReorgs } from './faults/chainReorgs.ts';
import { nodeFaults } from './faults/nodes.ts';
import type { Expected, Source, SourceOptions, Story } from './source.ts';

const HISTORY_S = 600;
const EVENTS_PER_SECOND = 40;
const BURST = { burstProbability: 0.03, burstEvents: 800 };

/** Three nodes of a made chain: what has to be stored is what the chain has in the end. */
export class PolygonSource implements Source {
  readonly targets: readonly Target[];
  readonly #chain: ChaosChain;
  readonly #firstBlock: number;
  /** Trading has ended in it. */
  #lastBlock = Infinity;

  constructor({ seed, withTrouble, deepestReorgS }: SourceOptions) {
    const start = Math.floor(Date.now() / 1000) - HISTORY_S;
    this.#chain = new ChaosChain(
      {
        seed,
        start,
        // One third of the history on the V1 exchanges, then all three at once.
        cutover: start + HISTORY_S / 3,
        v1Share: 0.2,
        v3Share: 0.3,
        eventsPerSecond: EVENTS_PER_SECOND,
        ...BURST,
        finalityBlocks: Math.ceil(deepestReorgS / BLOCK_SECONDS),
      },
      withTrouble,
    );
    this.#firstBlock = this.#chain.start().block;
    this.targets = [...nodeFaults(this.#chain), ...chainReorgs(this.#chain)];
  }

  get simulator(): Source['simulator'] {
    return {
      upstream: this.#chain,
      nodes: {
        polygon: { maxBlocks: 500, style: 'quicknode', maxBatch: 10 },
        polygon2: { maxLogs: 2_000, style: 'alchemy', logTimestamps: false },
        polygon3: { maxBlocks: 100, style: 'drpc', maxBatch: 3, finalizedTag: false },
      },
    };
  }

  settings({ polygonUrls }: Simulator): Record<string, string> {
    return {
      ORDER_SOURCES: 'polygon',
      POLYGON_RPC_URL: polygonUrls.join(','),
      POLYGON_START: String(this.#firstBlock),
      POLYGON_FINALITY_BLOCKS: String(this.#chain.finalityBlocks),
      POLYGON_REQUESTS_PER_10S: '300',
    };
  }

  start(): void {
    // A chain goes on by itself.
  }

  quieten(): void {
    this.#chain.quieten();
    this.#chain.listAll();
    this.#lastBlock = this.#chain.chainHead().number;
  }

  stop(): void {
    // Nothing runs: blocks are made as they are asked for.
  }

  newest(): number {
    return this.#chain.block(Math.min(this.#lastBlock, this.#chain.chainHead().number)).timestamp;
  }

  expected(): Expected {
    const { orderEvents, trades, quarantine, eras } = expectedOf(this.#chain, this.#firstBlock);
    return {
      orderEvents,
      trades,
      quarantine,
      // A malformed log of a block that was replaced has no row that a later answer could take out: it stays.
      mayBeQuarantined: this.#chain.served,
      eras,
    };
  }

  counts(): [string, number][] {
    const { orderEvents, quarantine } = expectedOf(this.#chain, this.#firstBlock);
    return [
      ['order events', orderEvents.size],
      ['malformed records', quarantine.size],
      [
        'malformed logs of replaced blocks',
        [...this.#chain.served].filter((log) => !quarantine.has(log)).length,
      ],
    ];
  }

  story(id: string): Story {
    const [hash = '', index = ''] = id.split('-');
    const line = expectedOf(this.#chain, this.#firstBlock).orderEvents.get(id);
    const block = line?.split('|')[3];
    return {
      lines: [
        block === undefined
          ? 'upstream: gone'
          : `upstream: block ${block} ${this.#chain.block(Number(block)).hash}`,
      ],
      where: 'transaction_hash = {hash:String} AND log_index = {index:UInt32}',
      params: { hash, index: Number(index) },
    };
  }
}
