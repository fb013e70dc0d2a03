import { isAbsolute } from 'node:path';
import { parseArgs } from 'node:util';
import { oneLine } from '../../base/errors.ts';
import { onSupervisorGone } from '../../base/supervised.ts';
import { startClickHouseServer } from './server.ts';

/** The process of the embedded ClickHouse. See `launch.ts` for how to start it. */

const USAGE =
  'Usage: node --import tsx src/embedded/clickhouse/main.ts --host 127.0.0.1 --port 8123 --path /abs/dir [--user default]\n' +
  'The password is read from CLICKHOUSE_PASSWORD (empty = none). Port 0 = any free one.\n';

function fail(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8123' },
      path: { type: 'string' },
      user: { type: 'string', default: 'default' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    fail(`--port ${values.port} must be from 0 to 65535.`);
  if (values.path === undefined || !isAbsolute(values.path)) fail('--path must be an absolute directory.');
  return {
    host: values.host,
    port,
    path: values.path,
    user: values.user,
    password: process.env['CLICKHOUSE_PASSWORD'] ?? '',
  };
}

async function main(): Promise<void> {
  // The engine takes its time zone from here; a ClickHouse server's is UTC.
  process.env['TZ'] = 'UTC';
  const starting = startClickHouseServer(readOptions());
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void starting.then((server) => server.close()).finally(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  onSupervisorGone(stop);
  const server = await starting;
  for (const warning of server.warnings) process.stderr.write(`${warning}\n`);
  process.stdout.write(`${JSON.stringify({ ready: true, port: server.port })}\n`);
}

main().catch((error: unknown) => fail(oneLine(error)));
