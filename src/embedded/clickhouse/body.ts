import type { IncomingMessage } from 'node:http';
import { ClickHouseException } from './exception.ts';
import { quote, readStatement, type Statement } from './statement.ts';

/** A statement must begin its data within this many bytes to be read as an insert with data. */
const HEAD_BYTES = 256 * 1024;

export interface ReceivedStatement extends Statement {
  /** The statement without the data. */
  readonly sql: string;
  /** The data of an insert, still arriving. */
  readonly data: AsyncIterable<Buffer> | undefined;
  /** The insert as one that reads its data from a file; undefined where it cannot. */
  readonly fromFile: ((path: string) => string) | undefined;
}

/**
 * Reads the statement from the `query` parameter and the body behind it, which count as one text, as in ClickHouse. Only
 * the statement is held; the data of an insert stays a stream of bytes.
 */
export async function receiveStatement(
  query: string,
  body: AsyncIterable<Buffer>,
): Promise<ReceivedStatement> {
  const pieces = body[Symbol.asyncIterator]();
  let head: Buffer = Buffer.from(query === '' ? '' : `${query}\n`);
  let ended = false;
  const more = async () => {
    const next = await pieces.next();
    if (next.done === true) ended = true;
    else head = Buffer.concat([head, next.value]);
  };
  while (!ended && head.length < HEAD_BYTES) await more();
  // One character a byte, so that offsets in the text are offsets in the bytes.
  const shape = readStatement(head.toString('latin1'));
  if (shape.insert !== undefined) {
    const { clauses, data } = shape.insert;
    // The engine's own newline follows; a second one would be read as data.
    const sql = head.toString('utf8', 0, data).trimEnd();
    const fromFile = clauses === undefined ? undefined : insertFromFile(head, clauses, data);
    return { ...shape, sql, fromFile, data: join(head.subarray(data), pieces) };
  }
  const rest = [head];
  if (!ended) for await (const piece of { [Symbol.asyncIterator]: () => pieces }) rest.push(piece);
  const sql = Buffer.concat(rest).toString('utf8');
  return {
    ...(ended ? shape : readStatement(sql)),
    sql: withoutEnd(sql),
    fromFile: undefined,
    data: undefined,
  };
}

function insertFromFile(head: Buffer, clauses: number, data: number): (path: string) => string {
  const target = head.toString('utf8', 0, clauses);
  const tail = head.toString('utf8', clauses, data).trim();
  const format = tail.replace(/(?<!FORMAT\s+)\bVALUES$/i, 'FORMAT Values');
  return (path) => `${target} FROM INFILE ${quote(path)} ${format}`;
}

async function* join(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, void> {
  if (first.length > 0) yield first;
  for await (const piece of { [Symbol.asyncIterator]: () => rest }) yield piece;
}

function withoutEnd(sql: string): string {
  return sql.replace(/[\s;]+$/, '');
}

/** The boundary of a multipart body, if that is what the request carries. */
export function multipartBoundary(request: IncomingMessage): string | undefined {
  const type = request.headers['content-type'] ?? '';
  const match = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
  return match?.[1] ?? match?.[2];
}

/** The fields of a multipart body, which count as URL parameters. @throws ClickHouseException for files (external tables). */
export async function readMultipart(
  body: AsyncIterable<Buffer>,
  boundary: string,
): Promise<Map<string, string>> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  const fields = new Map<string, string>();
  const text = `\r\n${Buffer.concat(pieces).toString('utf8')}`;
  for (const part of text.split(`\r\n--${boundary}`).slice(1)) {
    if (part.startsWith('--')) break;
    const gap = part.indexOf('\r\n\r\n');
    const head = part.slice(0, gap);
    const name = /;\s*name="([^"]*)"/i.exec(head)?.[1];
    if (gap < 0 || name === undefined)
      throw new ClickHouseException(36, 'BAD_ARGUMENTS', 'Malformed multipart body');
    if (/;\s*filename=/i.test(head)) {
      throw new ClickHouseException(
        48,
        'NOT_IMPLEMENTED',
        'The embedded ClickHouse does not support external tables',
      );
    }
    fields.set(name, part.slice(gap + 4));
  }
  return fields;
}
