/** What Redis gives WITHSCORES (members, each followed by its score), by member, in its order. */
export function byMember(found: readonly string[]): Map<string, number> {
  const scores = new Map<string, number>();
  for (let at = 0; at < found.length; at += 2) scores.set(found[at] ?? '', Number(found[at + 1]));
  return scores;
}
