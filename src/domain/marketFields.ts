import { isCanonicalUint, isRecord, MAX_UINT256 } from './fields.ts';

/** Tolerant readers of single Gamma fields: what cannot be read comes out as absent, never as an error. */

/**
 * Text as given; a number as its digits, also one that was kept as `{"number": "…"}` (src/sources/losslessJson.ts);
 * anything else ''. Half of a surrogate pair becomes U+FFFD (it is not UTF-8).
 */
export function text(value: unknown): string {
  if (typeof value === 'string') return value.replace(/\p{Surrogate}/gu, '\uFFFD');
  if (isRecord(value) && typeof value['number'] === 'string') return text(value['number']);
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : '';
}

/** Gamma sends booleans; some older copies hold them as text. */
export function flag(value: unknown): boolean {
  return value === true || value === 'true';
}

const JSON_STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LONG_INTEGER = /^-?\d{16,}$/;
/** No market has that many outcomes, and the pattern above cannot take any length. */
const MAX_LIST_TEXT = 1_000_000;

/**
 * A list that comes as an array or as text that holds a JSON array (`"[\"Yes\", \"No\"]"`); '', "[]", absent and broken
 * text are the empty list. Long integers without quotes keep all their digits. Places are kept: an element that is
 * neither text nor a number is ''.
 */
export function textList(value: unknown): string[] {
  const list = typeof value === 'string' ? parseInnerArray(value) : value;
  return Array.isArray(list) ? list.map(text) : [];
}

function parseInnerArray(json: string): unknown {
  if (json === '' || json === '[]' || json.length > MAX_LIST_TEXT) return [];
  // JSON.parse would round an unquoted token id (78 digits) to a double: quote long integers first.
  const quoted = json.replaceAll(JSON_STRING_OR_NUMBER, (part) =>
    LONG_INTEGER.test(part) ? `"${part}"` : part,
  );
  try {
    return JSON.parse(quoted);
  } catch {
    return [];
  }
}

/** Token or position ids. Their places pair them with the outcomes, so one unusable id makes the list unusable: empty. */
export function tokenList(value: unknown): string[] {
  const ids = textList(value);
  return ids.every((id) => isCanonicalUint(id, MAX_UINT256)) ? ids : [];
}

const DECIMAL_NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;
/** What the tables hold, Decimal(38, 12), has as many; further decimals are cut off there. */
const MAX_INTEGER_DIGITS = 26;
const MAX_FRACTION_DIGITS = 30;

/**
 * A decimal number (text or JSON number) as plain decimal text without exponent; '' when absent, unreadable, or of more
 * than 26 digits before the point or 30 behind it.
 */
export function decimal(value: unknown): string {
  const match = DECIMAL_NUMBER.exec(text(value));
  if (match === null) return '';
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return '';
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  const integer =
    digits
      .slice(0, Math.max(point, 0))
      .padEnd(point, '0')
      .replace(/^0+(?=\d)/, '') || '0';
  const rest = point < 0 ? '0'.repeat(-point) + digits : digits.slice(point);
  const decimals = rest.replace(/0+$/, '');
  if (integer.length > MAX_INTEGER_DIGITS || decimals.length > MAX_FRACTION_DIGITS) return '';
  const plain = decimals === '' ? integer : `${integer}.${decimals}`;
  return sign === '-' && plain !== '0' ? `-${plain}` : plain;
}

const DATE =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$/;
/** Outside these years the tables' DateTime64 cannot hold a date, and no market can mean it (Go's zero time is year 1). */
const FIRST_YEAR = 1970;
const LAST_YEAR = 2299;

/**
 * All of Gamma's date forms (RFC 3339 with 0 to 9 fraction digits, `2025-04-01 08:21:16+00`, `2025-04-01`) as UTC text
 * `YYYY-MM-DD HH:MM:SS.ffffff`. Without an offset it is UTC. Null for anything else and for absurd dates.
 */
export function utcDate(value: unknown): string | null {
  const match = typeof value === 'string' ? DATE.exec(value) : null;
  if (match === null) return null;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', offset = 'Z'] = match;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const milliseconds = Date.parse(local);
  // Date.parse rolls 30 February over instead of refusing it.
  if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== local) return null;
  const utc = new Date(milliseconds - offsetMilliseconds(offset));
  const utcYear = utc.getUTCFullYear();
  if (utcYear < FIRST_YEAR || utcYear > LAST_YEAR) return null;
  const iso = utc.toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}.${fraction.padEnd(6, '0').slice(0, 6)}`;
}

function offsetMilliseconds(offset: string): number {
  if (offset === 'Z' || offset === 'z') return 0;
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3).replace(':', '') || '0');
  return (offset.startsWith('-') ? -minutes : minutes) * 60_000;
}
