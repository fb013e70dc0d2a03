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
  [
    /^(rowbinary|native|parquet|arrow|orc|avro|msgpack|bson|protobuf|rawblob|npy|sqlinsert)/,
    'application/octet-stream',
  ],
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
  'jsoneachrow',
  'jsonlines',
  'ndjson',
  'jsoncompacteachrow',
  'jsonstringseachrow',
  'jsoncompactstringseachrow',
  'prettyjsoneachrow',
  'tsv',
  'tabseparated',
  'tsvraw',
  'tabseparatedraw',
  'raw',
  'csv',
  'tskv',
  'rowbinary',
  'native',
  'lineasstring',
  'rawblob',
  'msgpack',
  'bsoneachrow',
]);

export function isConcatenable(format: string): boolean {
  return CONCATENABLE.has(format.toLowerCase());
}

/** Text formats that hold no empty line unless their data does (see `Engine.insert`). */
const LINES = new Set([
  'jsoneachrow',
  'jsonlines',
  'ndjson',
  'jsonstringseachrow',
  'jsoncompacteachrow',
  'jsoncompactstringseachrow',
  'jsoncompacteachrowwithnames',
  'jsoncompacteachrowwithnamesandtypes',
  'tsv',
  'tabseparated',
  'tabseparatedwithnames',
  'tsvwithnames',
  'csv',
  'csvwithnames',
  'tskv',
]);

export function isLines(format: string): boolean {
  return LINES.has(format.toLowerCase());
}
