import type { Random } from '../../src/simulator/random.ts';
import { ODD_CURSOR } from './honest.ts';
import { strangeText, strangeValue, type Json } from './json.ts';

/** graph-node's and gateways' own words, and others. */
const MESSAGES = [
  'Store error: database error: canceling statement due to statement timeout',
  'query timed out',
  'result is too big',
  'service is overloaded, please retry in a few minutes',
  'the chain was reorganized while executing the query',
  'indexing_error',
  'Too many requests',
  'rate limit exceeded',
  'Type `Query` has no field `_meta`',
  'nobody knows',
  '',
  'deployment `Qm` does not exist',
  'x'.repeat(5_000),
  'see https://secret.example/path?key=1',
];

/** Changes that go for what the sources look at: order, number and places of records, cursors, errors, `_meta`. */
export function changeRecords(random: Random, root: Json): string | undefined {
  if (typeof root !== 'object' || root === null || Array.isArray(root)) return undefined;
  if (random.chance(0.1)) return addErrors(random, root);
  const data = root['data'];
  if (typeof data === 'object' && data !== null && !Array.isArray(data) && random.chance(0.2)) {
    return changeMeta(random, data);
  }
  if ('markets' in root && random.chance(0.2)) {
    const cursor = random.chance(0.5) ? ODD_CURSOR : strangeValue(random);
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
    ['all records malformed', () => records.forEach((_, index) => (records[index] = strangeValue(random)))],
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
    ['another id', () => field('id', () => strangeText(random))],
    ['another id', () => field('id', (text) => `${text}!`)],
    ['half a character in an id', () => field('id', (text) => `${text}\ud83d`)],
    ['an id as a number', () => field('id', () => random.below(1_000))],
    ['a huge id', () => field('id', (text) => text.repeat(100))],
    ['another amount', () => field('makerAmountFilled', () => strangeText(random))],
    ['another condition', () => field('conditionId', () => strangeText(random))],
    ['other tokens', () => field('clobTokenIds', () => strangeValue(random))],
    [
      'another volume',
      () =>
        field('volume', () =>
          random.pick<Json>([1e30, '1e30', -1e300, '0.'.padEnd(60, '1'), '9'.repeat(27)]),
        ),
    ],
    ['another date', () => field('createdAt', () => strangeText(random))],
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
  const value = random.chance(0.2) ? random.pick([4e9, 1e15, 2 ** 31]) : strangeValue(random);
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
