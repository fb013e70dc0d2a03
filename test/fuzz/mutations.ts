import type { Random } from '../../src/simulator/random.ts';

/** An answer on its way to a client. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** What happens to the connection; nothing where undefined. */
  readonly trouble?: 'refused' | 'broken off' | 'stalled';
}

/** The same answer, changed, and what was done to it. */
export interface Mutated {
  readonly answer: Answer;
  readonly changes: readonly string[];
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** A place in a JSON value. */
type Node = readonly [parent: Json[] | Record<string, Json>, key: string | number];

/** Text that stands for what JSON.stringify does not write, until the body is text. */
const RAW: Readonly<Record<string, string>> = {
  '@deep': `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  '@deep-objects': `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  '@infinite': '1e999',
  '@long-number': '9'.repeat(400),
  '@minus-zero': '-0',
};

const STRANGE_TEXT = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '00',
    '1e18',
    '0x',
    'NaN',
    'null',
    '1,000',
    '1.5',
    '18446744073709551616',
    '\u0000',
    '\ud800',
  ],
  ...[
    'a\ud800b',
    '\udc00',
    'é\uffee\u{1f600}',
    'a\nb\tc',
    '"',
    '\\',
    "';--",
    '<html>',
    'Too Many Requests',
    '1714000000000',
  ],
  ...[
    '115792089237316195423570985008687907853269984665640564039457584007913129639936',
    '[1,2',
    '["a", null]',
  ],
  ...[
    '9999-99-99T99:99:99Z',
    '0001-01-01T00:00:00Z',
    `0x${'f'.repeat(64)}`,
    `0x${'G'.repeat(40)}`,
    'x'.repeat(300),
  ],
];
const STRANGE_VALUES: readonly Json[] = [
  ...[null, true, false, 0, -1, 1.5, 2 ** 53, 1e308, [], {}, [[]], [null], { toString: null }],
  ...Object.keys(RAW),
];
const STRANGE_KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  'ID',
  'id ',
  'length',
  'error',
];

/** graph-node's and gateways' own words, and others. */
const MESSAGES = [
  ...[
    'Store error: database error: canceling statement due to statement timeout',
    'query timed out',
    'result is too big',
  ],
  ...[
    'service is overloaded, please retry in a few minutes',
    'the chain was reorganized while executing the query',
  ],
  ...[
    'indexing_error',
    'Too many requests',
    'rate limit exceeded',
    'Type `Query` has no field `_meta`',
    'nobody knows',
    '',
  ],
  ...['deployment `Qm` does not exist', 'x'.repeat(5_000), 'see https://secret.example/path?key=1'],
];

const HUGE = 'y'.repeat(300_000);

const STATUSES = [
  ...[
    200, 201, 202, 203, 204, 206, 300, 301, 302, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 414,
    418,
  ],
  ...[422, 425, 429, 429, 451, 499, 500, 501, 502, 503, 504, 520, 522, 524, 530, 599],
];
const CONTENT_TYPES = [
  'text/html; charset=utf-8',
  'text/plain',
  '',
  'application/json',
  'application/octet-stream',
  'a/b;;=',
];
const RETRY_AFTER = [
  '',
  '0',
  '1',
  '5.5',
  '-3',
  'soon',
  '99999999999',
  'Fri, 01 May 2026 00:00:00 GMT',
  'NaN',
];
const BODIES = [
  ...[
    '',
    ' ',
    'null',
    'true',
    '0',
    '"text"',
    '[]',
    '{}',
    '[[]]',
    '{"data":null}',
    '{"data":{}}',
    '{"markets":null}',
  ],
  ...[
    '{"error":"Too Many Requests"}',
    '{"message":"Forbidden"}',
    '{"errors":[]}',
    '{"errors":{}}',
    '{"data":{"orderFilledEvents":{}}}',
  ],
  ...[
    '<!DOCTYPE html><html><title>Just a moment...</title></html>',
    '\ufeff{}',
    'upstream connect error',
    '{"markets":[],"next_cursor":5}',
  ],
];

/** One to four changes, of all kinds; a few answers stay as they are. */
export function mutate(random: Random, answer: Answer): Mutated {
  const changes: string[] = [];
  let result = answer;
  const times = random.chance(0.04) ? 0 : 1 + random.zipf(4);
  for (let nth = 0; nth < times; nth++) {
    const kind = random.next();
    const change = kind < 0.68 ? changeJson : kind < 0.9 ? changeBytes : changeResponse;
    const [what, changed] = change(random, result);
    changes.push(what);
    result = changed;
  }
  return { answer: result, changes };
}

type Change = readonly [what: string, answer: Answer];

function changeResponse(random: Random, answer: Answer): Change {
  const { headers } = answer;
  switch (random.below(7)) {
    case 0:
    case 1: {
      const status = random.pick(STATUSES);
      return [`status ${status}`, { ...answer, status }];
    }
    case 2: {
      const type = random.pick(CONTENT_TYPES);
      return [`content type ${type}`, { ...answer, headers: { ...headers, 'content-type': type } }];
    }
    case 3: {
      const after = random.pick(RETRY_AFTER);
      return [
        `retry after ${after}`,
        { ...answer, status: 429, headers: { ...headers, 'retry-after': after } },
      ];
    }
    case 4: {
      const length = String(random.below(2 * answer.body.length + 10));
      return [`content length ${length}`, { ...answer, headers: { ...headers, 'content-length': length } }];
    }
    case 5:
      return ['another body', { ...answer, body: Buffer.from(random.pick(BODIES)) }];
    default: {
      // To wait for an answer that stalls takes time: few do.
      const trouble = random.chance(0.05) ? 'stalled' : random.chance(0.5) ? 'refused' : 'broken off';
      return [trouble, { ...answer, trouble }];
    }
  }
}

function changeBytes(random: Random, answer: Answer): Change {
  const { body } = answer;
  const at = random.below(body.length + 1);
  const length = 1 + random.zipf(200);
  const end = Math.min(body.length, at + length);
  const piece = body.subarray(at, end);
  const spliced = (instead: Uint8Array, until = end) =>
    Buffer.concat([body.subarray(0, at), instead, body.subarray(until)]);
  const random8 = Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)));
  const kinds: readonly (readonly [string, () => Buffer])[] = [
    ['a byte changed', () => spliced(random8.subarray(0, 1), at + 1)],
    ['cut off', () => body.subarray(0, at)],
    ['the beginning cut off', () => body.subarray(at)],
    ['bytes left out', () => spliced(Buffer.alloc(0))],
    ['bytes twice', () => spliced(Buffer.concat([piece, piece]))],
    ['bytes put in', () => spliced(random8, at)],
    ['digits changed', () => changeDigits(random, body, at)],
    [
      'a field twice',
      () => Buffer.from(body.toString().replace(/"(id|timestamp|markets|data)":/, '"$1":[],"$1":')),
    ],
    ['a mark before it', () => Buffer.concat([Buffer.from('\ufeff'), body])],
    ['text behind it', () => Buffer.concat([body, random.chance(0.5) ? Buffer.from('\n\n') : random8])],
    ['the whole twice', () => Buffer.concat([body, body])],
  ];
  const [what, made] = random.pick(kinds);
  return [`${what} at ${at}`, { ...answer, body: made() }];
}

/** Only digits, so that the answer stays well-formed: the lies that are hardest to see. */
function changeDigits(random: Random, body: Buffer, at: number): Buffer {
  const changed = Buffer.from(body);
  const start = changed.findIndex((byte, index) => index >= at && byte >= 0x30 && byte <= 0x39);
  if (start >= 0) changed[start] = 0x30 + random.below(10);
  return changed;
}

function changeJson(random: Random, answer: Answer): Change {
  let root: Json;
  try {
    root = JSON.parse(answer.body.toString()) as Json;
  } catch {
    return changeBytes(random, answer);
  }
  const holder = { root };
  const targeted = random.chance(0.5) ? changeRecords(random, root) : undefined;
  const what = targeted ?? changeAnywhere(random, holder);
  let text = stringify(holder.root);
  if (text.includes('"@')) {
    for (const [mark, raw] of Object.entries(RAW)) text = text.replaceAll(`"${mark}"`, () => raw);
  }
  return [what, { ...answer, body: Buffer.from(text) }];
}

/** Too deep a value, made by an earlier change, cannot be written again: the body becomes something else then. */
function stringify(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '[[[[';
  }
}

function changeAnywhere(random: Random, holder: { root: Json }): string {
  const nodes: Node[] = [];
  const walk = [holder] as (Json[] | Record<string, Json>)[];
  for (let next = walk.pop(); next !== undefined; next = walk.pop()) {
    for (const [key, value] of Object.entries(next)) {
      nodes.push([next, Array.isArray(next) ? Number(key) : key]);
      if (typeof value === 'object' && value !== null) walk.push(value);
    }
  }
  const [parent, key] = random.pick(nodes);
  const value = (parent as Record<string, Json>)[key] ?? null;
  const put = (made: Json) => {
    (parent as Record<string, Json>)[key] = made;
  };
  const kinds: readonly (readonly [string, () => void])[] = [
    ['strange text', () => put(random.pick(STRANGE_TEXT))],
    ['strange text', () => put(random.pick(STRANGE_TEXT))],
    ['strange value', () => put(random.pick(STRANGE_VALUES))],
    ['strange value', () => put(random.pick(STRANGE_VALUES))],
    ['huge text', () => put(random.chance(0.1) ? HUGE : 'z'.repeat(1_000))],
    [
      'of another type',
      () =>
        put(typeof value === 'string' ? Number(value) : typeof value === 'number' ? String(value) : [value]),
    ],
    ['in a list', () => put([value])],
    ['as text', () => put(stringify(value))],
    ['left out', () => remove(parent, key)],
    [
      'twice',
      () => (Array.isArray(parent) ? parent.splice(Number(key), 0, value) : (parent[`${key}2`] = value)),
    ],
    ['under another name', () => rename(parent, key, random.pick(STRANGE_KEYS))],
    ['upper-case', () => put(typeof value === 'string' ? value.toUpperCase() : value)],
    ['swapped', () => swap(random, nodes, [parent, key])],
  ];
  const [what, change] = random.pick(kinds);
  change();
  return `${String(key)} ${what}`;
}

function remove(parent: Json[] | Record<string, Json>, key: string | number): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

function rename(parent: Json[] | Record<string, Json>, key: string | number, name: string): void {
  if (Array.isArray(parent)) return;
  const value = parent[key] ?? null;
  delete parent[key];
  // As JSON.parse would: as a field of its own, also where it is called __proto__.
  Object.defineProperty(parent, name, { value, enumerable: true, configurable: true, writable: true });
}

function swap(random: Random, nodes: readonly Node[], [parent, key]: Node): void {
  const [other, otherKey] = random.pick(nodes);
  const value = (parent as Record<string, Json>)[key] ?? null;
  const otherValue = (other as Record<string, Json>)[otherKey] ?? null;
  // Of values in each other the swap would make a circle.
  if (typeof value === 'object' || typeof otherValue === 'object') return;
  (parent as Record<string, Json>)[key] = otherValue;
  (other as Record<string, Json>)[otherKey] = value;
}

/** Changes that go for what the sources look at: order, number and places of records, cursors, errors, `_meta`. */
function changeRecords(random: Random, root: Json): string | undefined {
  if (typeof root !== 'object' || root === null || Array.isArray(root)) return undefined;
  if (random.chance(0.1)) return addErrors(random, root);
  const data = root['data'];
  if (typeof data === 'object' && data !== null && !Array.isArray(data) && random.chance(0.2)) {
    return changeMeta(random, data);
  }
  if ('markets' in root && random.chance(0.2)) {
    const cursor = random.pick<Json>([...STRANGE_TEXT, ...STRANGE_VALUES, 'sent']);
    root['next_cursor'] = cursor;
    return 'another next_cursor';
  }
  const holder = 'markets' in root ? root : (data as Record<string, Json> | undefined);
  const name = 'markets' in root ? 'markets' : 'orderFilledEvents';
  const records = holder?.[name];
  if (!Array.isArray(records) || records.length === 0 || holder === undefined || holder === null)
    return undefined;
  const at = random.below(records.length);
  const record = records[at];
  const field = (key: string, change: (text: string) => Json) => {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) return;
    records[at] = { ...record, [key]: change(textOf(record[key])) };
  };
  const kinds: readonly (readonly [string, () => void])[] = [
    ['records reversed', () => records.reverse()],
    ['records shuffled', () => records.sort(() => random.next() - 0.5)],
    ['a record elsewhere', () => records.splice(random.below(records.length), 0, ...records.splice(at, 1))],
    ['a record twice', () => records.splice(at, 0, structuredClone(record ?? null))],
    ['all records twice', () => records.push(...structuredClone(records))],
    ['records left out', () => records.splice(at, 1 + random.below(records.length))],
    ['no records', () => records.splice(0)],
    [
      'all records malformed',
      () => records.forEach((_, index) => (records[index] = random.pick(STRANGE_VALUES))),
    ],
    [
      'records as an object',
      () => (holder[name] = Object.fromEntries(records.entries()) as Record<string, Json>),
    ],
    ['an earlier time', () => field('timestamp', (text) => String(Number(text) - 1 - random.below(100_000)))],
    ['a later time', () => field('timestamp', (text) => String(Number(text) + 1 + random.below(100_000)))],
    ['a time to come', () => field('timestamp', (text) => String(Number(text) + 200_000_000))],
    ['a time in milliseconds', () => field('timestamp', (text) => `${text}000`)],
    ['a time with zeros', () => field('timestamp', (text) => `000${text}`)],
    ['a time as a number', () => field('timestamp', Number)],
    ['another id', () => field('id', () => random.pick(STRANGE_TEXT))],
    ['another id', () => field('id', (text) => `${text}!`)],
    ['an id as a number', () => field('id', () => random.below(1_000))],
    ['a huge id', () => field('id', (text) => text.repeat(100))],
    ['another amount', () => field('makerAmountFilled', () => random.pick(STRANGE_TEXT))],
    ['another condition', () => field('conditionId', () => random.pick(STRANGE_TEXT))],
    [
      'other tokens',
      () => field('clobTokenIds', () => random.pick<Json>([...STRANGE_TEXT, ...STRANGE_VALUES])),
    ],
    [
      'another volume',
      () =>
        field('volume', () =>
          random.pick<Json>([1e30, '1e30', -1e300, '0.'.padEnd(60, '1'), '9'.repeat(27)]),
        ),
    ],
    ['another date', () => field('createdAt', () => random.pick(STRANGE_TEXT))],
  ];
  const [what, change] = random.pick(kinds);
  change();
  return `${what} at ${at}`;
}

function addErrors(random: Random, root: Record<string, Json>): string {
  const message = random.pick(MESSAGES);
  const error = random.pick<Json>([
    { message },
    { message, locations: [{ line: 1, column: 1 }] },
    message,
    null,
    {},
    [],
    5,
  ]);
  const errors = random.pick<Json>([[error], [error, error], error, {}, []]);
  if (random.chance(0.3)) root['error'] = error;
  else root['errors'] = errors;
  if (random.chance(0.5)) root['data'] = null;
  return `errors ${JSON.stringify(errors).slice(0, 60)}`;
}

function changeMeta(random: Random, data: Record<string, Json>): string {
  const value = random.pick<Json>([...STRANGE_TEXT, ...STRANGE_VALUES, 4e9, 1e15, 2 ** 31]);
  switch (random.below(5)) {
    case 0:
      delete data['_meta'];
      return 'no _meta';
    case 1:
      data['_meta'] = value;
      return 'another _meta';
    case 2:
      data['_meta'] = { block: value };
      return 'another block';
    case 3:
      data['_meta'] = { block: { number: 1, timestamp: value } };
      return 'another block time';
    default:
      data['_meta'] = { block: { number: 1, timestamp: 1_714_000_100 }, hasIndexingErrors: value };
      return 'other indexing errors';
  }
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}
