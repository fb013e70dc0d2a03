import { isRecord } from '../domain/fields.ts';
import { anyInteger } from './polygonBlocks.ts';

/** What a refusal says would work. */
export interface RangeHint {
  /** Blocks a request, for good. */
  readonly most?: number;
  /** Blocks for the same question asked again. */
  readonly now?: number;
}

/**
 * Reads the limit, or the range that would work, out of the words of a refusal to look through the blocks [from, to).
 * A hint is always smaller than what was refused.
 */
export function rangeHint(message: string, data: unknown, from: number, to: number): RangeHint {
  const text = message.replaceAll(/https?:\/\/\S+/g, ' ');
  const asked = to - from;
  const now = suggestedBlocks(text, data, from, to);
  const most = blockLimits(text).filter(
    (limit) => limit >= 1 && limit < asked && ![from, to, to - 1, asked - 1].includes(limit),
  );
  return {
    ...(now === undefined ? {} : { now }),
    ...(most.length === 0 ? {} : { most: Math.min(...most) }),
  };
}

/** "[0x10, 0x1f]", "100-150": both ends inclusive, and within what was asked. */
function suggestedBlocks(text: string, data: unknown, from: number, to: number): number | undefined {
  const pairs = [
    ...text.matchAll(/(0x[0-9a-f]+|\d+)(?:,\s+|,(?=0x)|\s*-\s*|\s+to\s+)(0x[0-9a-f]+|\d+)/gi),
  ].map(([, first, last]): [unknown, unknown] => [first, last]);
  if (isRecord(data)) pairs.unshift([data['from'], data['to']]);
  for (const pair of pairs) {
    const [first, last] = pair.map(anyInteger);
    if (first === undefined || last === undefined) continue;
    if (first >= from && last >= first && last < to && last - first + 1 < to - from) return last - first + 1;
  }
  return undefined;
}

const OF_RESULTS = /^\s*(?:results|logs|events|bytes|[km]b)\b/i;
const ABOUT_RESULTS = /0x$|\b(?:results|logs)\b\D*$/i;
/** "(256 > 100)": the first is what was asked. "range: 255, max: 35" likewise. */
const ABOUT_BLOCKS = /\b(?:range|blocks?)\b(?:[^.;\d]*(?:\d+ > )?|[^.;]*(?:max\w*|limit)[^.;\d]*)$/i;

/** Numbers that stand where a limit in blocks stands: "1,024 block range", "1k blocks", "max block range 2000". */
function blockLimits(text: string): number[] {
  const limits: number[] = [];
  for (const match of text.matchAll(/\b(\d[\d,]*)(k)?\b/gi)) {
    const before = text.slice(Math.max(0, match.index - 50), match.index);
    const after = text.slice(match.index + match[0].length, match.index + match[0].length + 24);
    const ofBlocks = /^[\s-]*(?:blocks?|range)\b/i.test(after);
    if (!ofBlocks && (OF_RESULTS.test(after) || ABOUT_RESULTS.test(before) || !ABOUT_BLOCKS.test(before)))
      continue;
    limits.push(Number(String(match[1]).replaceAll(',', '')) * (match[2] === undefined ? 1 : 1000));
  }
  return limits;
}

const FIRST_BLOCKS = 256;
/** The smallest limit of the providers that have one for good customers; months without trades go fast enough with it. */
const MOST_BLOCKS = 10_000;
/** About 4 MB: well below what providers refuse, and a page that Redis holds easily. */
const AIMED_LOGS = 4000;
/** A refusal without a number is believed this long. */
const REFUSAL_MS = 10 * 60_000;

/** How many blocks to ask one endpoint for: learnt from its answers and refusals. */
export class RangeSize {
  #blocks = FIRST_BLOCKS;
  #most = MOST_BLOCKS;
  #refusal: { readonly most: number; readonly until: number } | undefined;
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get blocks(): number {
    return Math.max(1, Math.min(this.#blocks, this.#most));
  }

  /** `logs` came for so many blocks. */
  answered(blocks: number, logs: number): void {
    const fitting = Math.max(1, Math.floor((AIMED_LOGS * blocks) / Math.max(logs, 1)));
    if (fitting <= this.#blocks) {
      this.#blocks = fitting;
      return;
    }
    // The few blocks of a live tail say nothing about what a larger range would bring.
    if (blocks < this.blocks) return;
    if (this.#refusal !== undefined && this.#refusal.until <= this.#now()) this.#refusal = undefined;
    this.#blocks = Math.min(fitting, blocks * 2, this.#most, this.#refusal?.most ?? MOST_BLOCKS);
  }

  /** So many blocks were too many. The next size is smaller, for what is left of it. */
  refused(blocks: number, hint: RangeHint = {}): void {
    if (hint.most !== undefined) this.#most = Math.min(this.#most, hint.most);
    const next = Math.max(1, Math.min(hint.now ?? hint.most ?? Math.floor(blocks / 2), blocks - 1));
    this.#blocks = Math.min(next, this.#most);
    if (hint.most === undefined && hint.now === undefined)
      this.#refusal = { most: this.#blocks, until: this.#now() + REFUSAL_MS };
  }
}
