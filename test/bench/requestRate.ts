/** How an upstream's limit was used. */
export interface RequestRate {
  /** Of the requests allowed over the steady part: 0 to 1. */
  readonly used: number;
  /** Requests in the fullest window of all. */
  readonly most: number;
  /** Length of the steady part, in seconds. */
  readonly steadyS: number;
}

/** Of the requests, the last ones: when pieces run out, some chains have ended. */
const ENDING = 0.1;

/**
 * @param arrivals milliseconds at which requests came, in order
 * @param limit requests allowed in any window of that many milliseconds
 */
export function requestRate(
  arrivals: readonly number[],
  limit: { readonly requests: number; readonly windowMs: number },
): RequestRate {
  // From the second window on: a rate is what it is when it has settled.
  const from = (arrivals[0] ?? 0) + limit.windowMs;
  const to = arrivals[Math.floor(arrivals.length * (1 - ENDING)) - 1] ?? 0;
  const steady = arrivals.filter((at) => at > from && at <= to).length;
  const allowed = (limit.requests * (to - from)) / limit.windowMs;
  return { used: steady / allowed, most: mostIn(arrivals, limit.windowMs), steadyS: (to - from) / 1000 };
}

function mostIn(arrivals: readonly number[], windowMs: number): number {
  let first = 0;
  let most = 0;
  for (const [index, at] of arrivals.entries()) {
    while ((arrivals[first] ?? at) <= at - windowMs) first++;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
