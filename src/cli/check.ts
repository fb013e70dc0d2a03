/** What was found by a check of `npm run doctor`. */
export interface CheckResult {
  readonly ok: boolean;
  /** What was found; where it is not ok, what to do. */
  readonly text: string;
}

export interface Check {
  readonly name: string;
  readonly run: () => Promise<CheckResult>;
}

/** For one check, in milliseconds. */
export const CHECK_MS = 10_000;

export function passed(text: string): CheckResult {
  return { ok: true, text };
}

export function failed(text: string): CheckResult {
  return { ok: false, text };
}
