import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

type Mode = 'pass' | 'hang' | 'swallow answers';

/** A TCP proxy in front of a real service, which so can go away, hang and come back. */
export class OutageProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<readonly [client: Socket, service: Socket]>();
  readonly #server = createServer((client) => this.#take(client));
  #mode: Mode = 'pass';
  #port = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  /** Whoever opens one calls `down()` at the end. */
  static async open(target: { host: string; port: number }): Promise<OutageProxy> {
    const proxy = new OutageProxy(target);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Cuts every connection and refuses new ones. */
  async down(): Promise<void> {
    this.cut();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Passes everything on again. What was cut off meanwhile starts anew. */
  async up(): Promise<void> {
    this.#mode = 'pass';
    await this.down();
    await this.#listen();
  }

  /** Cuts every connection; new ones are welcome. */
  cut(): void {
    for (const [client, service] of this.#pairs) {
      client.destroy();
      service.destroy();
    }
  }

  /** Takes connections, passes nothing on: a service that hangs. */
  hang(): void {
    this.#change('hang');
  }

  /** After `hang`: passes on what was held back, on the same connections. */
  resume(): void {
    this.#change('pass');
  }

  /** What is asked for is done, and nobody is told: only new connections help, after `up()`. */
  swallowAnswers(): void {
    this.#change('swallow answers');
  }

  #change(mode: Mode): void {
    this.#mode = mode;
    for (const pair of this.#pairs) this.#connect(pair);
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #take(client: Socket): void {
    const service = connect(this.#target);
    const pair = [client, service] as const;
    this.#pairs.add(pair);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        service.destroy();
        this.#pairs.delete(pair);
      });
    }
    this.#connect(pair);
  }

  #connect([client, service]: readonly [Socket, Socket]): void {
    client.unpipe();
    service.unpipe();
    service.removeAllListeners('data');
    if (this.#mode === 'hang') {
      client.pause();
      service.pause();
      return;
    }
    client.pipe(service);
    if (this.#mode === 'pass') service.pipe(client);
    else service.on('data', () => undefined).resume();
  }
}

/** A proxy that ends with the test. */
export async function startOutageProxy(target: { host: string; port: number }): Promise<OutageProxy> {
  const proxy = await OutageProxy.open(target);
  onTestFinished(() => proxy.down());
  return proxy;
}
