import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError, ConfigError } from '../base/errors.ts';
import { hash32 } from './random.ts';
import { RecordedExchange } from './recorded.ts';
import { toGammaMarkets } from './recordedMarkets.ts';
import type { OrderRow } from './upstream.ts';

/** The columns of the subgraph's rows, each with the other names it goes by in exports. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  timestamp: [],
  maker: [],
  makerAssetId: ['maker_asset_id'],
  makerAmountFilled: ['maker_amount_filled'],
  taker: [],
  takerAssetId: ['taker_asset_id'],
  takerAmountFilled: ['taker_amount_filled'],
  transactionHash: ['transaction_hash'],
};
const OPTIONAL: Readonly<Record<string, readonly string[]>> = {
  id: [],
  orderHash: ['order_hash'],
  fee: [],
  logIndex: ['log_index'],
};
/** Where an event stands in the chain: with the log index, what a node needs to serve it as a log. */
const PLACE: Readonly<Record<string, readonly string[]>> = {
  exchange: ['contract', 'address'],
  blockNumber: ['block_number'],
  transactionIndex: ['transaction_index'],
  logIndex: ['log_index'],
  builder: [],
  metadata: [],
};

/**
 * Reads a recording: events from a CSV with poly_data's columns, markets from a JSON array or JSON lines of Gamma
 * markets, Gamma events or CLOB markets; each gzipped or not.
 * @throws AppError `RECORDING` that names the file and what is wrong with it; ConfigError when it is not there.
 */
export async function readRecording(files: {
  readonly events: string;
  readonly markets: string | undefined;
}): Promise<RecordedExchange> {
  const exchange = new RecordedExchange();
  const names = new Map<string, string>();
  for await (const row of readEvents(files.events)) exchange.addEvents([interned(row, names)]);
  if (files.markets !== undefined) exchange.addMarkets(toGammaMarkets(await readMarkets(files.markets)));
  return exchange;
}

/** Subgraph rows of a CSV file, line by line. */
export async function* readEvents(file: string): AsyncGenerator<OrderRow> {
  let toRow: ((cells: readonly string[]) => OrderRow) | undefined;
  for await (const line of lines(file)) {
    if (line === '') continue;
    const cells = splitCsv(line);
    if (toRow === undefined) toRow = rowMaker(cells, file);
    else yield toRow(cells);
  }
}

function rowMaker(header: readonly string[], file: string): (cells: readonly string[]) => OrderRow {
  const find = (name: string, others: readonly string[]): number =>
    header.findIndex((column) => column === name || others.includes(column));
  const places = Object.entries(COLUMNS).map(([name, others]) => [name, find(name, others)] as const);
  const missing = places.filter(([, place]) => place < 0).map(([name]) => name);
  if (missing.length > 0) throw unreadable(file, `it has no column ${missing.join(', ')}`);
  const optional = Object.fromEntries(
    Object.entries(OPTIONAL).map(([name, others]) => [name, find(name, others)]),
  );
  const chained = Object.entries(PLACE)
    .map(([name, others]) => [name, find(name, others)] as const)
    .filter(([, place]) => place >= 0);
  return (cells) => {
    const cell = (name: string): string => cells[optional[name] ?? -1] ?? '';
    const row = Object.fromEntries(places.map(([name, place]) => [name, cells[place] ?? '']));
    // An export without order hashes: equal lines are one fill, as they are one row in the subgraph.
    const orderHash = cell('orderHash') || hash32('order', cell('logIndex'), ...Object.values(row));
    return {
      id: cell('id') || `${row['transactionHash']}_${orderHash}`,
      ...row,
      orderHash,
      fee: cell('fee') || '0',
      ...Object.fromEntries(chained.map(([name, place]) => [name, cells[place] ?? ''])),
    };
  };
}

/** The objects of a JSON array or of JSON lines. */
async function readMarkets(file: string): Promise<Record<string, unknown>[]> {
  const markets: Record<string, unknown>[] = [];
  const whole: string[] = [];
  let array: boolean | undefined;
  for await (const line of lines(file)) {
    if (line.trim() === '') continue;
    array ??= line.trimStart().startsWith('[');
    if (array) whole.push(line);
    else markets.push(parse(line, file) as Record<string, unknown>);
  }
  return array === true ? (parse(whole.join('\n'), file) as Record<string, unknown>[]) : markets;
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable(file, 'it is neither a JSON array nor JSON lines', cause);
  }
}

async function* lines(file: string): AsyncGenerator<string> {
  const zipped = await isGzip(file);
  const raw = createReadStream(file);
  const input: Readable = zipped ? raw.pipe(createGunzip()) : raw;
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (cause) {
    throw cause instanceof AppError ? cause : unreadable(file, 'it cannot be read', cause);
  } finally {
    raw.destroy();
  }
}

async function isGzip(file: string): Promise<boolean> {
  try {
    const handle = await open(file);
    try {
      const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      return buffer[0] === 0x1f && buffer[1] === 0x8b;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new ConfigError(
      `The recording ${file} cannot be opened (${(cause as NodeJS.ErrnoException).code}).`,
    );
  }
}

function unreadable(file: string, why: string, cause?: unknown): AppError {
  return new AppError('RECORDING', `The recording ${file} cannot be used: ${why}.`, {
    retry: 'never',
    cause,
  });
}

function splitCsv(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const cells = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return Array.from(cells, ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}

/** One copy of each address and token id: a recording names few of them, many times. */
function interned(row: OrderRow, names: Map<string, string>): OrderRow {
  const copy: Record<string, unknown> = { ...row };
  for (const key of ['maker', 'taker', 'makerAssetId', 'takerAssetId']) {
    const value = String(copy[key]);
    const known = names.get(value);
    if (known === undefined) names.set(value, value);
    copy[key] = known ?? value;
  }
  return copy;
}
