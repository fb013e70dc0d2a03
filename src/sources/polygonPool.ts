import { UpstreamError } from './upstreamError.ts';

const FIRST_COOL_OFF_MS = 1000;
const LONGEST_COOL_OFF_MS = 60_000;

interface Member<E> {
  readonly endpoint: E;
  failures: number;
  /** Passed over until then, in ms since the epoch. */
  coolUntil: number;
  lastError: UpstreamError | undefined;
}

export interface Answered<E, T> {
  readonly value: T;
  readonly endpoint: E;
}

/** Endpoints in order of preference. One that failed is passed over for a while, in which the next ones are asked. */
export class EndpointPool<E> {
  readonly #members: readonly Member<E>[];
  readonly #now: () => number;

  constructor(endpoints: readonly E[], now: () => number = Date.now) {
    if (endpoints.length === 0) throw new RangeError('A pool needs an endpoint.');
    this.#members = endpoints.map((endpoint) => ({
      endpoint,
      failures: 0,
      coolUntil: 0,
      lastError: undefined,
    }));
    this.#now = now;
  }

  /**
   * The first answer, beginning with the endpoint at place `rotate`; where one fails, the next is asked at once.
   * @throws UpstreamError the most telling of the errors, where all failed
   */
  async use<T>(rotate: number, ask: (endpoint: E) => Promise<T>): Promise<Answered<E, T>> {
    const members = rotated(this.#members, rotate);
    const answered = await this.#firstOf(this.#ready(members), ask);
    if (answered !== undefined) return answered;
    throw mostTelling(members.flatMap(({ lastError }) => lastError ?? []));
  }

  /** The first answer of those other than `first` that are not passed over; undefined where none has one. */
  async another<T>(first: E, ask: (endpoint: E) => Promise<T>): Promise<Answered<E, T> | undefined> {
    return await this.#firstOf(this.#readyBeside(first), ask);
  }

  /** What all others than `first` answer that are not passed over. */
  async others<T>(first: E, ask: (endpoint: E) => Promise<T>): Promise<Answered<E, T>[]> {
    const others = this.#readyBeside(first);
    const answers = await Promise.all(others.map((member) => this.#firstOf([member], ask)));
    return answers.filter((answer) => answer !== undefined);
  }

  /** Passes an endpoint over as if it had failed: what it answered is right, but behind what others know. */
  passOver(endpoint: E, error: UpstreamError): void {
    const member = this.#members.find((one) => one.endpoint === endpoint);
    if (member !== undefined) this.#failed(member, error);
  }

  async #firstOf<T>(
    members: readonly Member<E>[],
    ask: (endpoint: E) => Promise<T>,
  ): Promise<Answered<E, T> | undefined> {
    for (const member of members) {
      try {
        const value = await ask(member.endpoint);
        Object.assign(member, { failures: 0, coolUntil: 0, lastError: undefined });
        return { value, endpoint: member.endpoint };
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.code === 'UPSTREAM_ABORTED') throw error;
        this.#failed(member, error);
      }
    }
    return undefined;
  }

  #readyBeside(first: E): Member<E>[] {
    const now = this.#now();
    return this.#members.filter(({ endpoint, coolUntil }) => endpoint !== first && coolUntil <= now);
  }

  /** Those to ask: not the cooling ones, unless all are; then the one that is due first. */
  #ready(members: readonly Member<E>[]): Member<E>[] {
    const now = this.#now();
    const ready = members.filter(({ coolUntil }) => coolUntil <= now);
    return ready.length > 0 ? ready : members.toSorted((a, b) => a.coolUntil - b.coolUntil).slice(0, 1);
  }

  #failed(member: Member<E>, error: UpstreamError): void {
    member.lastError = error;
    // A single block that is refused for its size says nothing about other blocks.
    if (error.code === 'UPSTREAM_TOO_EXPENSIVE') return;
    const doubled = Math.min(FIRST_COOL_OFF_MS * 2 ** member.failures, LONGEST_COOL_OFF_MS);
    member.failures++;
    member.coolUntil = this.#now() + Math.max(error.waitMs ?? 0, doubled);
  }
}

function rotated<T>(all: readonly T[], by: number): T[] {
  const start = by % all.length;
  return [...all.slice(start), ...all.slice(0, start)];
}

const TELLING = { wait: 0, attempt: 1, never: 2 } as const;

/** While one of them may pass, nobody has to look; among those the one that passes first; then the first endpoint's. */
function mostTelling(errors: readonly UpstreamError[]): UpstreamError {
  const [first] = errors.toSorted(
    (a, b) => TELLING[a.retry] - TELLING[b.retry] || (a.waitMs ?? 0) - (b.waitMs ?? 0),
  );
  if (first === undefined) throw new RangeError('No endpoint was left to ask.');
  return first;
}
