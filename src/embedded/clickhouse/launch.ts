import { nodeCommand } from '../processes.ts';
import type { ClickHouseServerOptions } from './server.ts';

export interface ClickHouseCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** To be merged over the environment of the parent. */
  readonly env: Readonly<Record<string, string>>;
}

/** How to start the process of the embedded ClickHouse (it prints `{"ready":true,"port":N}` once it answers). */
export function clickHouseCommand(options: ClickHouseServerOptions): ClickHouseCommand {
  const { host, port, path, user = 'default', password = '' } = options;
  return {
    ...nodeCommand('src/embedded/clickhouse/main.ts', [
      ...['--host', host],
      ...['--port', String(port)],
      ...['--path', path],
      ...['--user', user],
    ]),
    // Each running statement holds one thread of libuv's pool, whose size is fixed before any code of ours runs.
    env: { CLICKHOUSE_PASSWORD: password, UV_THREADPOOL_SIZE: '12' },
  };
}
