import { exchangeVersion, KNOWN_EXCHANGES } from '../base/exchanges.ts';
import type { UpstreamEvent } from './upstream.ts';

/** The exchange of a version that trades a market; of version 1 and 2 there are two, one for groups of markets. */
export function exchangeOf(version: 1 | 2 | 3, negRisk: boolean): string {
  const [plain, grouped] = KNOWN_EXCHANGES.filter((exchange) => exchange.version === version);
  const found = negRisk ? (grouped ?? plain) : plain;
  if (found === undefined) throw new RangeError(`no exchange of version ${version} is known`);
  return found.address;
}

/** Version 1 for anything unknown: what a subgraph row without an exchange is. */
export function versionOf(exchange: string): 1 | 2 | 3 {
  return exchangeVersion(exchange) ?? 1;
}

/** Whether the V1 subgraph has the event. */
export function isV1(event: UpstreamEvent): boolean {
  const exchange = event.fill?.exchange ?? event.row['exchange'];
  return typeof exchange !== 'string' || versionOf(exchange.toLowerCase()) === 1;
}
