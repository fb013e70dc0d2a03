import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { Transform, Writable } from 'node:stream';
import { constants, createBrotliCompress, createDeflate, createGzip } from 'node:zlib';
import { exceptionTag, httpStatus, midStreamBlock, type ExceptionReport } from './exception.ts';
import { contentType } from './formats.ts';

export const TIMEZONE = 'UTC';
const ZLIB_LEVEL = 3;

/** What a finished statement did, for the summary header. */
export interface Summary {
  readonly readRows?: number;
  readonly readBytes?: number;
  readonly writtenRows?: number;
  readonly writtenBytes?: number;
  readonly resultRows?: number;
  readonly resultBytes?: number;
}

/** One answer: headers as ClickHouse sets them, compression, and failures before or after the first byte. */
export class Answer {
  readonly #response: ServerResponse;
  readonly #acceptEncoding: string;
  readonly #started = process.hrtime.bigint();
  readonly #tag = exceptionTag();
  #out: Writable | undefined;
  #compressor: Transform | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#response = response;
    this.#acceptEncoding = String(request.headers['accept-encoding'] ?? '');
    response.setHeader('X-ClickHouse-Server-Display-Name', 'embedded');
    response.setHeader('X-ClickHouse-Timezone', TIMEZONE);
    response.setHeader('Cache-Control', 'no-store');
  }

  setQueryId(queryId: string): void {
    this.#response.setHeader('X-ClickHouse-Query-Id', queryId);
  }

  /** A plain text answer, as of the health paths. */
  text(status: number, body: string): void {
    this.#response.writeHead(status, { 'Content-Type': 'text/plain; charset=UTF-8' });
    this.#response.end(body);
  }

  /** Sends status 200 and the headers; the body follows by `write` and `end`. */
  begin(format: string | undefined, compress: boolean, summary: Summary): void {
    this.#setSummary(summary);
    const response = this.#response;
    response.setHeader('X-ClickHouse-Exception-Tag', this.#tag);
    if (format !== undefined) response.setHeader('X-ClickHouse-Format', format);
    response.setHeader('Content-Type', contentType(format ?? 'TabSeparated'));
    this.#compressor = compress ? this.#makeCompressor() : undefined;
    response.writeHead(200);
    this.#compressor?.pipe(response);
    this.#out = this.#compressor ?? response;
  }

  get begun(): boolean {
    return this.#out !== undefined;
  }

  /** Resolves when the client has room for more. */
  async write(bytes: Buffer, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#out?.write(bytes) === false) await once(this.#out, 'drain', { signal });
  }

  end(): void {
    this.#out?.end();
  }

  /** Reports a failure: by status and headers, or, when the body has begun, in the body, which then ends broken. */
  fail(report: ExceptionReport): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (this.#out !== undefined) {
      // Ended without the last chunk, so that a client that does not know the block sees a broken answer as well.
      const broken = () => response.socket?.destroySoon();
      const block = midStreamBlock(this.#tag, report);
      if (this.#compressor === undefined) {
        response.write(block, broken);
      } else {
        this.#compressor.unpipe(response);
        this.#compressor.on('data', (data: Buffer) => response.write(data));
        this.#compressor.on('end', () => response.write('', broken));
        this.#compressor.resume();
        this.#compressor.end(block);
      }
      return;
    }
    this.#setSummary({});
    response.setHeader('X-ClickHouse-Exception-Code', String(report.code));
    response.writeHead(httpStatus(report.code), { 'Content-Type': 'text/plain; charset=UTF-8' });
    response.end(report.body);
  }

  #setSummary(summary: Summary): void {
    const text = (value: number | undefined) => String(value ?? 0);
    this.#response.setHeader(
      'X-ClickHouse-Summary',
      JSON.stringify({
        read_rows: text(summary.readRows),
        read_bytes: text(summary.readBytes),
        written_rows: text(summary.writtenRows),
        written_bytes: text(summary.writtenBytes),
        total_rows_to_read: '0',
        result_rows: text(summary.resultRows),
        result_bytes: text(summary.resultBytes),
        elapsed_ns: String(process.hrtime.bigint() - this.#started),
      }),
    );
  }

  #makeCompressor(): Transform | undefined {
    const accepted = this.#acceptEncoding.toLowerCase();
    const name = (['br', 'gzip', 'deflate'] as const).find((encoding) =>
      new RegExp(`\\b${encoding}\\b`).test(accepted),
    );
    if (name === undefined) return undefined;
    this.#response.setHeader('Content-Encoding', name);
    if (name === 'br')
      return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: ZLIB_LEVEL } });
    return name === 'gzip' ? createGzip({ level: ZLIB_LEVEL }) : createDeflate({ level: ZLIB_LEVEL });
  }
}
