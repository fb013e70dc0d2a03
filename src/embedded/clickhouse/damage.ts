import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { processIdentity } from '../processes.ts';
import type { Engine } from './engine.ts';

/** The engine did not open a data directory; it says more on standard error itself. */
export class DirectoryError extends AppError {
  /** The process that has it open; without one, its files are damaged. */
  readonly holder: number | undefined;

  constructor(path: string, cause: unknown) {
    const holder = holderOf(path);
    const why =
      holder === undefined
        ? 'its files are damaged. Restore them, or set another DATA_DIR.'
        : `process ${holder} is using this directory. Stop that process or set another DATA_DIR.`;
    super('DATA_DIR', `ClickHouse cannot open ${path}: ${why}`, { retry: 'never', cause });
    this.holder = holder;
  }
}

/** The process that the directory's `status` file names, where it is alive and not this one. */
function holderOf(path: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)$/m.exec(readFileSync(join(path, 'status'), 'utf8'))?.[1]);
    return pid > 0 && pid !== process.pid && processIdentity(pid) !== undefined ? pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A part that the engine cannot read when it opens its tables (a power cut, a damaged disk) it sets aside without a word:
 * its rows are gone from the answers. Gives a line for each table that lost some so since a moment.
 * @param sinceMs milliseconds since 1970: before the engine was opened
 */
export async function partsSetAside(engine: Engine, sinceMs: number): Promise<string[]> {
  const { bytes } = await engine.query({
    prelude: [],
    sql: `SELECT concat(database, '.', table) AS name, path FROM system.detached_parts
      WHERE reason LIKE 'broken%'`,
    format: 'JSONEachRow',
    signal: new AbortController().signal,
  });
  const paths = new Map<string, string[]>();
  for (const line of bytes.toString().split('\n').filter(Boolean)) {
    const { name, path } = JSON.parse(line) as { name: string; path: string };
    const setAsideMs = statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0;
    if (setAsideMs >= sinceMs) paths.set(name, [...(paths.get(name) ?? []), path]);
  }
  return [...paths].map(([name, parts]) => {
    const [what, them] = parts.length === 1 ? ['1 part', 'it'] : [`${parts.length} parts`, 'them'];
    return `ClickHouse could not read ${what} of ${name} and set ${them} aside: the rows are missing until they are written again (${parts.join(', ')}).`;
  });
}
