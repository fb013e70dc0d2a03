import { blockNumberAt } from '../../src/simulator/chain.ts';
import { RecordedExchange } from '../../src/simulator/recorded.ts';
import type { Block } from '../../src/simulator/upstream.ts';

/** A recording that grows while it is served. Its head is said, not found: a quiet second has none to show. */
export class LiveExchange extends RecordedExchange {
  #head = 0;

  /** Everything up to and with this unix second is indexed. */
  indexedUpTo(second: number): void {
    this.#head = second;
  }

  override head(): Block {
    return { ...this.block(blockNumberAt(this.#head)), timestamp: this.#head };
  }
}
