/** Modules of the PositionManager: 1 binary, 2 neg-risk, 3 combinatorial. */
const MODULES = new Set([1n, 2n, 3n]);
/** Markets have far fewer outcomes. */
const MOST_OUTCOMES = 16n;

/**
 * Whether a token id looks like a position of the PositionManager ("Protocol V2"): module, condition id and outcome index,
 * one after the other in 32 bytes. Ids of conditional tokens are hashes: one in 1,400 looks like that by chance.
 * (Docs: the domain's facts, protocol V2 ids.)
 */
export function looksLikePosition(tokenId: string): boolean {
  const id = BigInt(tokenId);
  return MODULES.has(id >> 248n) && (id & 0xffn) < MOST_OUTCOMES;
}
