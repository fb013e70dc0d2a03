import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/**
 * What a request meets:
 * - `refuse`: an error as the server gives it, with nothing in
 * - `no answer`: it is done, and no answer ever comes; `cut`: it is done, and the connection breaks instead of an answer
 * - `late`: the connection breaks at once, and it is done after that many milliseconds all the same
 * - `slow`: it is done after that many milliseconds
 * - `page`: the HTML of a gateway with status 500 or 502, with nothing in
 * - `answer`: just this, with nothing in
 * - `too large`: a gateway's 413, with nothing in, where the body is larger than that many bytes
 */
export type Trouble =
  | { readonly kind: 'refuse'; readonly code: number }
  | { readonly kind: 'no answer' | 'cut' }
  | { readonly kind: 'late' | 'slow'; readonly ms: number }
  | { readonly kind: 'page'; readonly status: 500 | 502 }
  | { readonly kind: 'too large'; readonly bytes: number }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Record<string, string>;
    };

/** Which requests: inserts into the table of that name, all that write, or all of them. */
type Scope = { readonly table: string } | 'writes' | 'everything';

/**
 * Stands between workers and ClickHouse: passes everything on, and can make trouble for some requests, hold all of them
 * back, or be away altogether.
 */
export class ClickHouseProxy {
  readonly #target: URL;
  readonly #server = createServer({ maxHeaderSize: 1024 * 1024 }, (incoming, answer) => {
    this.#serve(incoming, answer).catch(() => answer.destroy());
  });
  readonly #agent = new Agent({ keepAlive: true });
  readonly #waiting: (() => void)[] = [];
  #troubles: { readonly scope: Scope; readonly trouble: Trouble }[] = [];
  #hanging: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  #port = 0;
  /** Requests that met their trouble so far. */
  troubled = 0;

  private constructor(target: string) {
    this.#target = new URL(target);
  }

  /**
   * Whoever opens one closes it.
   * @param target the true ClickHouse
   */
  static async open(target: string): Promise<ClickHouseProxy> {
    const proxy = new ClickHouseProxy(target);
    await proxy.up();
    return proxy;
  }

  /** One that ends with the test. */
  static async start(target: string): Promise<ClickHouseProxy> {
    const proxy = await ClickHouseProxy.open(target);
    onTestFinished(() => proxy.close());
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Every insert into the table is refused with this server error code (60: no such table), with no row in. */
  refuseInserts(table: string, code: number): void {
    this.makeTrouble({ table }, { kind: 'refuse', code });
  }

  /** Inserts into the table land, and who sent them is never told. */
  keepAnswers(table: string): void {
    this.makeTrouble({ table }, { kind: 'no answer' });
  }

  /** From now on the requests meet the trouble; of several, that which was made last. */
  makeTrouble(scope: Scope, trouble: Trouble): void {
    this.#troubles.unshift({ scope, trouble });
  }

  /** Requests are held back until `heal`, and done then. */
  hang(): void {
    if (this.#hanging !== undefined) return;
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => (end = resolve));
    this.#hanging = { over, end };
  }

  heal(): void {
    this.#troubles = [];
    this.#hanging?.end();
    this.#hanging = undefined;
  }

  /** Resolves when the next request has met its trouble; of one without an answer the rows are in then. */
  nextTrouble(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Breaks every connection. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  /** Nothing listens any more, and every connection is broken. */
  async down(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Listens, again at the same port. */
  async up(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.heal();
    await this.down();
    this.#agent.destroy();
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    await this.#hanging?.over;
    // A statement that is not in the URL is the body.
    const inUrl = statementOf(incoming.url ?? '/');
    const body = inUrl === '' && this.#troubles.length > 0 ? await readAll(incoming) : undefined;
    const trouble = this.#troubleFor(inUrl === '' ? (body?.toString('latin1') ?? '') : inUrl);
    switch (trouble?.kind) {
      case undefined:
        return this.#pass(incoming, body, answer);
      case 'refuse':
        if (body === undefined) await readAll(incoming);
        answer.writeHead(500, { 'x-clickhouse-exception-code': String(trouble.code) });
        answer.end(`Code: ${trouble.code}. DB::Exception: refused by the test. (REFUSED_BY_TEST)\n`);
        return this.#met();
      case 'page':
        if (body === undefined) await readAll(incoming);
        answer.writeHead(trouble.status, { 'content-type': 'text/html' });
        answer.end(`<html><head><title>${trouble.status}</title></head><body>try again</body></html>`);
        return this.#met();
      case 'answer':
        if (body === undefined) await readAll(incoming);
        answer.writeHead(trouble.status, trouble.headers);
        answer.end(trouble.body);
        return this.#met();
      case 'too large': {
        const kept = body ?? (await readAll(incoming));
        if (kept.length <= trouble.bytes) return this.#pass(incoming, kept, answer);
        answer.writeHead(413, { 'content-type': 'text/html' });
        answer.end('<html><title>413 Request Entity Too Large</title></html>');
        return this.#met();
      }
      case 'slow':
        await sleep(trouble.ms);
        this.#met();
        return this.#pass(incoming, body, answer);
      case 'late': {
        const kept = body ?? (await readAll(incoming));
        answer.destroy();
        this.#met();
        await sleep(trouble.ms, undefined, { ref: false });
        return this.#pass(incoming, kept, undefined);
      }
      case 'no answer':
      case 'cut':
        return this.#pass(incoming, body, undefined, () => {
          if (trouble.kind === 'cut') answer.destroy();
          this.#met();
        });
    }
  }

  /** Sends the request on; without `answer`, what comes back is dropped and `done` is called at its end. */
  #pass(
    incoming: IncomingMessage,
    body: Buffer | undefined,
    answer: ServerResponse | undefined,
    done: () => void = () => undefined,
  ): void {
    const { hostname, port } = this.#target;
    const { method, url, headers } = incoming;
    const outgoing = request({ hostname, port, method, path: url, headers, agent: this.#agent }, (result) => {
      if (answer === undefined) {
        result.resume().on('end', done);
        return;
      }
      answer.writeHead(result.statusCode ?? 502, result.headers);
      result.pipe(answer);
      result.on('error', () => answer.destroy());
    });
    outgoing.on('error', () => answer?.destroy());
    answer?.on('close', () => {
      // Who asked is gone: what it asks for is broken off, as without a proxy.
      if (!answer.writableFinished) outgoing.destroy();
    });
    if (body !== undefined) {
      outgoing.end(body);
      return;
    }
    incoming.pipe(outgoing);
    incoming.on('close', () => {
      if (!incoming.complete) outgoing.destroy();
    });
  }

  #troubleFor(statement: string): Trouble | undefined {
    const table = /^\s*INSERT INTO (\w+)/i.exec(statement)?.[1];
    const writes = table !== undefined || /^\s*(ALTER|CREATE|DROP)\b/i.test(statement);
    return this.#troubles.find(({ scope }) => {
      if (typeof scope === 'object') return scope.table === table;
      return scope === 'everything' || writes;
    })?.trouble;
  }

  #met(): void {
    this.troubled++;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** The statement in a request's URL; the rows are the body then. */
function statementOf(url: string): string {
  return new URL(url, 'http://proxy').searchParams.get('query') ?? '';
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
