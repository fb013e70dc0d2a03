import { fileURLToPath } from 'node:url';
import type { ClickHouseServerOptions } from './server.ts';

export interface ClickHouseCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** To be merged over the environment of the parent. */
  readonly env: Readonly<Record<string, string>>;
}

/** How to start the process of the embedded ClickHouse (it prints `{"ready":true,"port":N}` once it answers). */
export function clickHouseCommand(options: ClickHouseServerOptions): ClickHouseCommand {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const { host, port, path, user = 'default', password = '' } = options;
  return {
    command: process.execPath,
    args: [
      '--import',
      import.meta.resolve('tsx'),
      main,
      '--host',
      host,
      '--port',
      String(port),
      '--path',
      path,
      '--user',
      user,
    ],
    // Each running statement holds one thread of libuv's pool, whose size is fixed before any code of ours runs.
    env: { CLICKHOUSE_PASSWORD: password, UV_THREADPOOL_SIZE: '12' },
  };
}
