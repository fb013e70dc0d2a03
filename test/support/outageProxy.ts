import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface OutageProxy {
  readonly port: number;
  /** Cuts every connection and refuses new ones. */
  readonly down: () => Promise<void>;
  /** Takes connections, passes nothing on: a service that hangs. */
  readonly hang: () => void;
  readonly up: () => Promise<void>;
}

/** A TCP proxy in front of a real service, which so can go away, hang and come back for one test alone. */
export async function startOutageProxy(target: { host: string; port: number }): Promise<OutageProxy> {
  const sockets = new Set<Socket>();
  let hanging = false;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    if (hanging) socket.pause();
  };
  const server = createServer((client) => {
    const service = connect(target);
    keep(client);
    keep(service);
    client.pipe(service).pipe(client);
    if (hanging) client.unpipe();
  });
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
  const down = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  onTestFinished(down);
  return {
    port,
    down,
    hang: () => {
      hanging = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    up: async () => {
      // What was cut off from its pipes starts anew.
      hanging = false;
      await down();
      await listen(port);
    },
  };
}
