/** A line of a program's log. */
export interface LogLine {
  /** pino's numbers: 30 info, 40 warn, 50 error. */
  readonly level: number;
  readonly scope?: string;
  readonly code?: string;
  readonly msg: string;
}

export const WARN = 40;

/** The JSON lines of a program's standard output. */
export function logLines(stdout: string): LogLine[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

/** True where text holds a stack trace. */
export function hasStack(text: string): boolean {
  return /\n\s+at .*[:(]\d+|\\n\s+at /.test(text);
}
