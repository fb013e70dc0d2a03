import { ClickHouseError } from '@clickhouse/client';
import { displayUrl } from '../base/config.ts';
import { AppError, oneLine } from '../base/errors.ts';

/**
 * Who is to blame for an error that ClickHouse gave:
 * - `rows`: what was sent; halving the batch finds the row
 * - `server`: its state of the moment: the same request works later
 * - `access`: the user, the password or a grant: works once a person has mended it
 * - `statement`: the request, or a table that is not as it should be
 */
export type Blame = 'rows' | 'server' | 'access' | 'statement';

/** Codes that speak of the rows themselves: parse errors, types, ranges. */
const ROW_CODES = new Set([
  6, 25, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 190, 321, 349, 407, 441, 467, 469, 676,
]);

/** Codes of a wrong user or password, an expired or locked one, an address or a table that is not allowed. */
const ACCESS_CODES = new Set([192, 193, 194, 195, 291, 497, 516, 720, 763, 767]);

/** Codes of a server that cannot do now what it can do at other times, by what is the matter with it. */
const SERVER_CODES: readonly (readonly [matter: string, codes: readonly number[]])[] = [
  ['it is read-only', [164, 242, 774]],
  [
    'its disk is full or cannot be written',
    [
      24, 74, 75, 76, 77, 83, 87, 88, 107, 172, 204, 214, 243, 274, 275, 294, 400, 424, 458, 531, 586, 641,
      771,
    ],
  ],
  [
    'it has too little memory, or too much to do',
    [
      173, 201, 202, 203, 239, 240, 241, 252, 299, 364, 411, 425, 439, 473, 573, 574, 635, 692, 700, 745, 749,
      762, 776, 777, 778,
    ],
  ],
  ['it gave up in time', [159, 160, 236, 394, 677, 735]],
  [
    'its network or its storage does not answer',
    [23, 86, 95, 96, 198, 209, 210, 279, 297, 410, 499, 500, 519, 693, 707, 737, 900, 901, 903, 904],
  ],
  [
    'its Keeper or its replicas do not answer',
    [
      225, 232, 234, 244, 254, 255, 265, 285, 286, 289, 319, 342, 369, 384, 415, 416, 529, 568, 571, 659, 667,
      738, 999,
    ],
  ],
  ['it is starting or stopping', [695, 696, 722, 733]],
];

const SERVER_MATTERS = new Map(
  SERVER_CODES.flatMap(([matter, codes]) => codes.map((code) => [code, matter] as const)),
);

/** Said by the operating system under ClickHouse, whatever code it comes with (1000, 1001, 1002 and others). */
const SYSTEM_MATTERS: readonly (readonly [RegExp, string])[] = [
  [
    /no space left on device|disk quota exceeded|not enough space|read-only file system|input\/output error/i,
    'its disk is full or cannot be written',
  ],
  [
    /cannot allocate memory|bad_alloc|too many open files|resource temporarily unavailable/i,
    'it has too little memory, or too much to do',
  ],
  [
    /connection (refused|reset)|broken pipe|host not found|timed? ?out/i,
    'its network or its storage does not answer',
  ],
];

/** Codes that say nothing but that something below ClickHouse failed: Poco, the standard library, unknown. */
const UNSPECIFIC_CODES = new Set([1000, 1001, 1002]);

/** ClickHouse did not answer: nobody knows whether what was sent is in. Everything sent is idempotent. */
export class ClickHouseUnavailable extends AppError {
  /** It was given time, and did not answer within it. */
  readonly timedOut: boolean;

  constructor(url: string, cause: unknown, timedOut = false) {
    super('CLICKHOUSE_UNAVAILABLE', `ClickHouse does not answer at ${displayUrl(url)} (${oneLine(cause)})`, {
      retry: 'wait',
      cause,
    });
    this.timedOut = timedOut;
  }
}

/** ClickHouse answered with an error. Where the server or the access is to blame, the same request works later. */
export class ClickHouseRefused extends AppError {
  readonly serverCode: number;
  /** The error's name, in capitals. */
  readonly serverType: string;
  readonly blame: Blame;

  constructor(what: string, { code, type, text }: ServerError) {
    const { blame, matter } = judge(code, text);
    super('CLICKHOUSE_REFUSED', `ClickHouse refused ${what}: ${type} (code ${code})${matter}`, {
      retry: blame === 'server' || blame === 'access' ? 'wait' : 'attempt',
      cause: new Error(text),
      context: { serverCode: code, serverText: text.slice(0, 300) },
    });
    this.serverCode = code;
    this.serverType = type;
    this.blame = blame;
  }
}

function judge(code: number, text: string): { blame: Blame; matter: string } {
  // What speaks of rows quotes them: their text says nothing about the server.
  if (ROW_CODES.has(code)) return { blame: 'rows', matter: '' };
  if (ACCESS_CODES.has(code)) {
    return { blame: 'access', matter: ': check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD' };
  }
  const matter =
    SERVER_MATTERS.get(code) ??
    (UNSPECIFIC_CODES.has(code) ? SYSTEM_MATTERS.find(([pattern]) => pattern.test(text))?.[1] : undefined);
  return matter === undefined
    ? { blame: 'statement', matter: '' }
    : { blame: 'server', matter: `: ${matter}` };
}

/** An error in ClickHouse's own words. */
export interface ServerError {
  readonly code: number;
  /** Its name, in capitals. */
  readonly type: string;
  readonly text: string;
}

/** What the client threw, or an answer's text, as an error of ClickHouse; undefined where it is none. */
export function serverErrorOf(thrown: unknown): ServerError | undefined {
  if (thrown instanceof ClickHouseError) {
    return { code: Number(thrown.code), type: thrown.type ?? 'error', text: thrown.message.trim() };
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  // "Code: 243. DB::Exception: ... (NOT_ENOUGH_SPACE)", "std::exception. Code: 1001, type: ..., e.what() = ..."
  const code = /\bCode: (\d+)(?:\. DB::|, e\.|, type:)/.exec(text)?.[1];
  if (code === undefined) return undefined;
  const type = /\(([A-Z][A-Z0-9_]{3,})\)/.exec(text)?.[1] ?? 'error';
  return { code: Number(code), type, text };
}
