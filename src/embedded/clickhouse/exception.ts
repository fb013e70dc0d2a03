import { randomBytes } from 'node:crypto';

/** A failure as ClickHouse's HTTP interface reports it. */
export class ClickHouseException extends Error {
  readonly code: number;

  constructor(code: number, type: string, text: string) {
    super(`Code: ${code}. DB::Exception: ${text}. (${type})`);
    this.code = code;
  }
}

/** HTTP status by exception code, as ClickHouse maps them; any other is 500. */
const CODES_BY_STATUS: Readonly<Record<number, readonly number[]>> = {
  400: [
    6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675,
    676,
  ],
  401: [194],
  403: [192, 193, 497, 512, 516],
  404: [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511],
  408: [159],
  411: [381],
  413: [229],
  415: [779],
  501: [48],
  503: [76, 209, 439],
};

const STATUS = new Map(
  Object.entries(CODES_BY_STATUS).flatMap(([status, codes]) =>
    codes.map((code) => [code, Number(status)] as const),
  ),
);

export function httpStatus(code: number): number {
  return STATUS.get(code) ?? 500;
}

export interface ExceptionReport {
  readonly code: number;
  /** `Code: N. DB::Exception: text. (NAME) (version X)`, one trailing newline. */
  readonly body: string;
}

/** The body and code of any failure; what the engine throws carries both in its message. */
export function reportException(error: unknown, version: string): ExceptionReport {
  const message = error instanceof Error ? error.message : String(error);
  const code = /^Code: (\d+)\./.exec(message)?.[1];
  if (code === undefined) {
    return {
      code: 1002,
      body: `Code: 1002. DB::Exception: ${message}. (UNKNOWN_EXCEPTION) (version ${version})\n`,
    };
  }
  return { code: Number(code), body: `${message.trimEnd()} (version ${version})\n` };
}

/** The marker of one response under which a failure in mid-stream is reported. */
export function exceptionTag(): string {
  return randomBytes(8).toString('hex');
}

/** The block that ends a response whose status 200 has already been sent (ClickHouse 25.11 and later). */
export function midStreamBlock(tag: string, report: ExceptionReport): string {
  const length = Buffer.byteLength(report.body);
  return `\r\n__exception__\r\n${tag}\r\n${report.body}${length} ${tag}\r\n__exception__\r\n`;
}
