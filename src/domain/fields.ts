/** Checks of single upstream values, shared by the parsers. All of them are total: they never throw. */

const DECIMAL = /^\d+$/;
const CANONICAL_DECIMAL = /^(?:0|[1-9]\d*)$/;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const HASH = /^0x[0-9a-fA-F]{64}$/;

export const MAX_UINT32 = '4294967295';
export const MAX_UINT64 = '18446744073709551615';
export const MAX_UINT256 = '115792089237316195423570985008687907853269984665640564039457584007913129639935';

/** 20 bytes of hex, in any case. */
export function isAddress(text: string): boolean {
  return ADDRESS.test(text);
}

/** 32 bytes of hex, in any case. */
export function isHash(text: string): boolean {
  return HASH.test(text);
}

/** Why a record's first field that is no text is none (`maker: missing`), or undefined where all of them are text. */
export function notText(record: Record<string, unknown>, fields: readonly string[]): string | undefined {
  for (const field of fields) {
    const value = record[field];
    if (typeof value !== 'string') return `${field}: ${lackOf(value) ?? 'not a string'}`;
  }
  return undefined;
}

/** What is said of a field that is not there. */
export function lackOf(value: unknown): 'missing' | 'null' | undefined {
  return value === undefined ? 'missing' : value === null ? 'null' : undefined;
}

/** True for a decimal integer from 0 to `max` without leading zeros or sign. `max` is canonical itself. */
export function isCanonicalUint(text: string, max: string): boolean {
  return CANONICAL_DECIMAL.test(text) && fits(text, max);
}

/** The canonical text of a decimal integer (leading zeros dropped), or undefined when it is none. */
export function canonicalDecimal(text: string): string | undefined {
  if (!DECIMAL.test(text)) return undefined;
  if (text.charCodeAt(0) !== 48 || text.length === 1) return text;
  const start = text.search(/[1-9]/);
  return start === -1 ? '0' : text.slice(start);
}

/** Compares two canonical decimal integers by value without BigInt: `text` <= `max`. */
export function fits(text: string, max: string): boolean {
  return text.length < max.length || (text.length === max.length && text <= max);
}

/** True for text that is UTF-8: JSON can hold half a surrogate pair, which no table and no other program takes. */
export function isUtf8(text: string): boolean {
  return text.isWellFormed();
}

/** A JSON object: neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
