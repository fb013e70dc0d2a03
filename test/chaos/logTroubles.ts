import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { logLines, type LogLine } from '../support/logLines.ts';

const ERROR = 50;
const MOST = 5;
const MOST_TEXT = 160;

/** What the workers did not expect or could not do, the most frequent first: for a person to look at, no verdict. */
export function logTroubles(dataDir: string): string[] {
  const dir = join(dataDir, 'logs');
  const counts = new Map<string, number>();
  for (const file of readdirSync(dir).filter((name) => name.startsWith('worker-'))) {
    for (const { level, code, scope, msg } of linesOf(join(dir, file))) {
      if (level < ERROR && code !== 'UNEXPECTED') continue;
      const line = `${scope ?? ''}: ${msg.replaceAll(/\d+/g, '#')}`.slice(0, MOST_TEXT);
      counts.set(line, (counts.get(line) ?? 0) + 1);
    }
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST)
    .map(([line, count]) => `in the logs, ${count} x ${line}`);
}

/** A process that is killed may leave half a line. */
function linesOf(file: string): LogLine[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return logLines(line);
      } catch {
        return [];
      }
    });
}
