import type { Random } from '../../src/simulator/random.ts';
import { written, type Json } from './json.ts';
import { changeAnywhere } from './jsonChanges.ts';
import { changeRecords } from './recordChanges.ts';

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

const STATUSES = [
  200, 201, 202, 203, 204, 206, 300, 301, 302, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 414,
  418, 422, 425, 429, 429, 451, 499, 500, 501, 502, 503, 504, 520, 522, 524, 530, 599,
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
  '{"error":"Too Many Requests"}',
  '{"message":"Forbidden"}',
  '{"errors":[]}',
  '{"errors":{}}',
  '{"data":{"orderFilledEvents":{}}}',
  '<!DOCTYPE html><html><title>Just a moment...</title></html>',
  '\ufeff{}',
  'upstream connect error',
  '{"markets":[],"next_cursor":5}',
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
  return [what, { ...answer, body: Buffer.from(written(holder.root)) }];
}
