import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers `/ping` as ClickHouse does: enough for whoever only looks whether there is one. */
export function startPingServer(): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((_request, response) => void response.end('Ok.\n'));
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve({
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        close: () => new Promise((done) => server.close(() => done())),
      }),
    ),
  );
}
