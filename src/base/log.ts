import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

let root: Logger | undefined;

/** Settings of the process-wide logger; called once by each entry point, before anything logs. */
export function configureLogging(level: string): void {
  const onTerminal = process.stdout.isTTY;
  root = pino({
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['password', '*.password'], censor: '[redacted]' },
    ...(onTerminal
      ? {
          transport: {
            target: 'pino-pretty',
            options: { ignore: 'pid,scope', messageFormat: '[{scope}] {msg}', translateTime: 'SYS:HH:MM:ss' },
          },
        }
      : {}),
  });
}

/** The logger of one component: every line carries its scope. */
export function log(scope: string): Logger {
  root ??= pino({ level: process.env['LOG_LEVEL'] ?? 'info', base: { pid: process.pid } });
  return root.child({ scope });
}
