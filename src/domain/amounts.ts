/** Decimals of every amount: USDC.e, pUSD and outcome tokens alike. */
export const DECIMALS = 6;

/** Base units (a decimal integer as text) as an exact decimal with 6 places: '1234567' is '1.234567'. */
export function toDecimal(baseUnits: string): string {
  const padded = baseUnits.length > DECIMALS ? baseUnits : baseUnits.padStart(DECIMALS + 1, '0');
  const split = padded.length - DECIMALS;
  return `${padded.slice(0, split)}.${padded.slice(split)}`;
}
