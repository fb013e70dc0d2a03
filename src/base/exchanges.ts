/** An exchange contract whose OrderFilled events are order events. */
export interface Exchange {
  /** Lower-case. */
  readonly address: string;
  /** 1: CTF exchanges with the V1 event (November 2022 to April 2026). 2: the V2 exchanges. 3: "Protocol V2". */
  readonly version: 1 | 2 | 3;
  readonly name: string;
}

/** The exchanges known (docs: the domain's facts, on-chain events). */
export const KNOWN_EXCHANGES: readonly Exchange[] = [
  { address: '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e', version: 1, name: 'CTF Exchange' },
  { address: '0xc5d563a36ae78145c45a50134d48a1215220f80a', version: 1, name: 'NegRisk CTF Exchange' },
  { address: '0xe111180000d2663c0091e4f400237545b87b996b', version: 2, name: 'CTF Exchange V2' },
  { address: '0xe2222d279d744050d28e00520010520000310f59', version: 2, name: 'NegRisk CTF Exchange V2' },
  { address: '0xe3333700ca9d93003f00f0f71f8515005f6c00aa', version: 3, name: 'ExchangeV3' },
];

/** The exchanges that the orderbook subgraph has. */
export const V1_EXCHANGES: readonly string[] = KNOWN_EXCHANGES.filter(({ version }) => version === 1).map(
  ({ address }) => address,
);

/** The version of an exchange; undefined for an address that is only known from the settings. */
export function exchangeVersion(address: string): Exchange['version'] | undefined {
  return KNOWN_EXCHANGES.find((exchange) => exchange.address === address)?.version;
}

/** `V2, V3`: the versions of exchanges, then how many are only known from the settings. */
export function versionsText(addresses: readonly string[]): string {
  const versions = addresses.map(exchangeVersion);
  const known = [...new Set(versions)].flatMap((version) => version ?? []).toSorted();
  const others = versions.filter((version) => version === undefined).length;
  return [...known.map((version) => `V${version}`), ...(others === 0 ? [] : [`${others} other`])].join(', ');
}
