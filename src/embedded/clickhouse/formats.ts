const JSON_TYPE = 'application/json; charset=UTF-8';
const LINES_TYPE = 'application/x-ndjson; charset=UTF-8';
const TSV_TYPE = 'text/tab-separated-values; charset=UTF-8';

const CONTENT_TYPES: readonly (readonly [RegExp, string])[] = [
  [/^(json.*eachrow.*|jsonlines|ndjson|prettyjsoneachrow|jsonobjecteachrow)$/, LINES_TYPE],
  [/^json/, JSON_TYPE],
  [/^(tsv|tabseparated)/, TSV_TYPE],
  [/^csvwithnames/, 'text/csv; charset=UTF-8; header=present'],
  [/^csv/, 'text/csv; charset=UTF-8; header=absent'],
  [/^xml$/, 'application/xml; charset=UTF-8'],
  [/^(rowbinary|native|parquet|arrow|orc|avro|msgpack|bson|protobuf|rawblob|npy|sqlinsert)/, 'application/octet-stream'],
];

export function contentType(format: string): string {
  const name = format.toLowerCase();
  return CONTENT_TYPES.find(([pattern]) => pattern.test(name))?.[1] ?? 'text/plain; charset=UTF-8';
}

/**
 * Formats without header, footer or separators: the engine's stream formats each block on its own, so only for
 * these is the concatenation of the blocks the same bytes as the whole.
 */
const CONCATENABLE = new Set([
  'jsoneachrow', 'jsonlines', 'ndjson', 'jsoncompacteachrow', 'jsonstringseachrow', 'jsoncompactstringseachrow',
  'prettyjsoneachrow', 'tsv', 'tabseparated', 'tsvraw', 'tabseparatedraw', 'raw', 'csv', 'tskv', 'rowbinary', 'native',
  'lineasstring', 'rawblob', 'msgpack', 'bsoneachrow',
]);

export function isConcatenable(format: string): boolean {
  return CONCATENABLE.has(format.toLowerCase());
}

type FindBoundary = (data: Buffer) => number;

const NEWLINE = 0x0a;

function afterLastNewline(data: Buffer): number {
  return data.lastIndexOf(NEWLINE) + 1;
}

/**
 * The start of the last row: behind `}` newline `{` (or `]` newline `[`), which cannot occur inside a JSON value, not
 * even in one printed over several lines. 0 when there is none.
 */
function beforeLastJsonRow(close: number, open: number): FindBoundary {
  return (data) => {
    for (let at = data.lastIndexOf(NEWLINE); at > 0; at = data.lastIndexOf(NEWLINE, at - 1)) {
      const before = data[at - 1] === 0x0d ? data[at - 2] : data[at - 1];
      if (before === close && data[at + 1] === open) return at + 1;
    }
    return 0;
  };
}

const objects = beforeLastJsonRow(0x7d, 0x7b);
const arrays = beforeLastJsonRow(0x5d, 0x5b);

const BOUNDARIES = new Map<string, FindBoundary>([
  ...['jsoneachrow', 'jsonlines', 'ndjson', 'jsonstringseachrow'].map((name) => [name, objects] as const),
  ...['jsoncompacteachrow', 'jsoncompactstringseachrow'].map((name) => [name, arrays] as const),
  ...['tsv', 'tabseparated', 'tsvraw', 'tabseparatedraw', 'raw', 'tskv'].map((name) => [name, afterLastNewline] as const),
]);

/** How to find the last row boundary in a part of a body, for the formats whose bodies may be inserted in parts. */
export function rowBoundary(format: string): FindBoundary | undefined {
  return BOUNDARIES.get(format.toLowerCase());
}
