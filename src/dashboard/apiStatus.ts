import type { Config } from '../base/config.ts';
import { API_NAMES, type Api, type Breakers, type BreakerState } from '../../queues/breaker.ts';

/** How an upstream API stands: its circuit breaker, shared by all workers. */
export interface ApiStatus {
  /** `open`: it does not work, and is tried only now and then; null while Redis has not answered yet. */
  readonly state: 'closed' | 'open' | null;
  /** Failed requests in a row. */
  readonly failures: number | null;
  /** ISO 8601; null while closed. */
  readonly openSince: string | null;
  /** 0 while it is being tried or may be; null while closed. */
  readonly nextProbeInSeconds: number | null;
  /** Of the last failed request; null once one has worked. */
  readonly lastError: string | null;
}

/** The upstream APIs that this pipeline asks. */
export function askedApis(config: Config): Api[] {
  const { orderSources, hypersync } = config;
  const bulk: Api[] = orderSources.includes('polygon') && hypersync !== undefined ? ['hypersync'] : [];
  const asked = new Set<Api>(['gamma', ...orderSources, ...bulk]);
  return (Object.keys(API_NAMES) as Api[]).filter((api) => asked.has(api));
}

export async function readBreakers(breakers: Breakers, config: Config): Promise<Map<Api, BreakerState>> {
  return new Map(
    await Promise.all(askedApis(config).map(async (api) => [api, await breakers.read(api)] as const)),
  );
}

/** @param breaker undefined while Redis has not answered yet */
export function apiStatus(breaker: BreakerState | undefined): ApiStatus {
  const { openSince, nextProbeMs } = breaker ?? {};
  return {
    state: breaker?.state ?? null,
    failures: breaker?.failures ?? null,
    openSince: openSince === undefined ? null : new Date(openSince).toISOString(),
    nextProbeInSeconds: nextProbeMs === undefined ? null : Math.ceil(nextProbeMs / 1000),
    lastError: breaker?.lastError ?? null,
  };
}

/** One line for a person while the breaker is open. */
export function apiProblem(api: Api, { openSince, lastError }: ApiStatus): string | undefined {
  if (openSince === null) return undefined;
  const since = `${openSince.slice(0, 10)} ${openSince.slice(11, 19)} UTC`;
  return `${API_NAMES[api]} has not worked since ${since} and is asked only now and then until it does. The last error: ${lastError ?? 'unknown'}`;
}
