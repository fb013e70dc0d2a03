import { createHash } from 'node:crypto';
import { isRecord } from '../src/domain/fields.ts';

/**
 * The records of a page as a job carries them: less than half as long as their JSON, and one text, which costs neither
 * quoting nor parsing. Loses nothing: a record that does not fit the form is kept as it is.
 */
export interface PackedRecords {
  /** How many records there are. */
  readonly count: number;
  /** Names of the fields of every record in `text`, in their order. */
  readonly fields: readonly string[];
  /** Records, each ended by ";", their values parted by ",". */
  readonly text: string;
  /** Records that are not in `text`, and at which place of all they belong. */
  readonly others: readonly (readonly [number, unknown])[];
}

/** What a value may be made of: letters, digits, "_"; and what the signs below begin. */
const PLAIN = /^\w*$/;
const TRUE = '+';
const FALSE = '-';
/** A list of texts, parted by "|", each of at least one character. */
const LIST = '[';
/** Of the field `id`: `transactionHash_orderHash`, as the subgraph makes its ids. */
const USUAL_ID = '=';
/** A value that was there before: which of the long ones it is, in base 36. */
const AGAIN = '*';
/** Shorter values are written again: to refer to them would hardly be shorter. */
const LONG = 12;

export function packRecords(records: readonly unknown[]): PackedRecords {
  const names = Object.keys(records.find(isRecord) ?? {});
  // To set it would set something else.
  const fields = names.includes('__proto__') ? [] : names;
  const seen = new Map<string, number>();
  const others: [number, unknown][] = [];
  let text = '';
  for (const [index, record] of records.entries()) {
    const packed = packRecord(record, fields, seen);
    if (packed === undefined) others.push([index, record]);
    else text += packed;
  }
  return { count: records.length, fields, text, others };
}

/** The records of a page, packed or not. */
export function recordsOf(records: PackedRecords | readonly unknown[]): readonly unknown[] {
  return 'fields' in records ? unpackRecords(records) : records;
}

/** The records as they were, in their order. */
export function unpackRecords({ count, fields, text, others }: PackedRecords): unknown[] {
  const records: unknown[] = [];
  const seen: string[] = [];
  const apart = new Map(others);
  let at = 0;
  while (records.length < count) {
    if (apart.has(records.length)) {
      records.push(apart.get(records.length));
      continue;
    }
    const end = text.indexOf(';', at);
    records.push(unpackRecord(text.slice(at, end).split(','), fields, seen));
    at = end + 1;
  }
  return records;
}

/** A short hash of what a page carries, for its job's id: the same content makes the same job. */
export function packedHash({ fields, text, others }: PackedRecords): string {
  const rest = others.length === 0 ? '' : JSON.stringify(others);
  // The text is ASCII, all of it.
  return createHash('sha1')
    .update(JSON.stringify(fields))
    .update(text, 'latin1')
    .update(rest)
    .digest('hex')
    .slice(0, 16);
}

/** Undefined where the record has other fields, or values that the form has no place for. */
function packRecord(
  record: unknown,
  fields: readonly string[],
  seen: Map<string, number>,
): string | undefined {
  if (!isRecord(record)) return undefined;
  const names = Object.keys(record);
  if (names.length !== fields.length || names.length === 0) return undefined;
  const before = seen.size;
  let text = '';
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] ?? '';
    const value = record[field];
    const isSame = names[index] === field;
    const packed = field === 'id' && isUsualId(record) ? USUAL_ID : packValue(value, seen);
    if (!isSame || packed === undefined) {
      // What is seen in a record that is not packed could not be found again.
      for (const late of [...seen.keys()].slice(before)) seen.delete(late);
      return undefined;
    }
    text += index === 0 ? packed : `,${packed}`;
  }
  return `${text};`;
}

function unpackRecord(
  values: readonly string[],
  fields: readonly string[],
  seen: string[],
): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  let isUsual = false;
  for (let index = 0; index < fields.length; index++) {
    const value = values[index] ?? '';
    if (value === USUAL_ID) isUsual = true;
    record[fields[index] ?? ''] = unpackValue(value, seen);
  }
  if (isUsual) record['id'] = `${String(record['transactionHash'])}_${String(record['orderHash'])}`;
  return record;
}

function packValue(value: unknown, seen: Map<string, number>): string | undefined {
  if (typeof value === 'string') return packText(value, seen);
  if (typeof value === 'boolean') return value ? TRUE : FALSE;
  if (!Array.isArray(value) || value.length === 0) return undefined;
  let text = '';
  for (const [index, item] of value.entries()) {
    const packed = typeof item === 'string' && item !== '' ? packText(item, seen) : undefined;
    if (packed === undefined) return undefined;
    text += index === 0 ? packed : `|${packed}`;
  }
  return LIST + text;
}

function packText(text: string, seen: Map<string, number>): string | undefined {
  if (text.length < LONG) return PLAIN.test(text) ? text : undefined;
  const place = seen.get(text);
  if (place !== undefined) return AGAIN + place.toString(36);
  if (!PLAIN.test(text)) return undefined;
  seen.set(text, seen.size);
  return text;
}

function unpackValue(text: string, seen: string[]): unknown {
  switch (text[0] ?? '') {
    case TRUE:
      return true;
    case FALSE:
      return false;
    case LIST:
      return text
        .slice(1)
        .split('|')
        .map((item) => unpackText(item, seen));
    default:
      return unpackText(text, seen);
  }
}

function unpackText(text: string, seen: string[]): string {
  if (text.startsWith(AGAIN)) return seen[parseInt(text.slice(1), 36)] ?? '';
  if (text.length >= LONG) seen.push(text);
  return text;
}

function isUsualId({ id, transactionHash, orderHash }: Record<string, unknown>): boolean {
  if (typeof id !== 'string' || typeof transactionHash !== 'string' || typeof orderHash !== 'string')
    return false;
  const middle = transactionHash.length;
  return (
    id.length === middle + 1 + orderHash.length &&
    id[middle] === '_' &&
    id.startsWith(transactionHash) &&
    id.endsWith(orderHash)
  );
}
