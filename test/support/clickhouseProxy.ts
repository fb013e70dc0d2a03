import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What an insert into the table meets: an error as a server gives it, or its rows land and no answer comes. */
type Trouble = { readonly kind: 'refuse'; readonly code: number } | { readonly kind: 'no answer' };

/**
 * Stands between workers and ClickHouse: passes everything on, and can refuse inserts, keep their answers back, or
 * be away altogether. Ended with the test.
 */
export class ClickHouseProxy {
  readonly #target: URL;
  readonly #server = createServer({ maxHeaderSize: 1024 * 1024 }, (incoming, answer) =>
    this.#serve(incoming, answer),
  );
  readonly #agent = new Agent({ keepAlive: true });
  readonly #troubles = new Map<string, Trouble>();
  readonly #waiting: (() => void)[] = [];
  #port = 0;
  /** Inserts that met their trouble so far. */
  troubled = 0;

  private constructor(target: string) {
    this.#target = new URL(target);
  }

  /** @param target the true ClickHouse */
  static async start(target: string): Promise<ClickHouseProxy> {
    const proxy = new ClickHouseProxy(target);
    await proxy.up();
    onTestFinished(async () => {
      await proxy.down();
      proxy.#agent.destroy();
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Every insert into the table is refused with this server error code (60: no such table), with no row in. */
  refuseInserts(table: string, code: number): void {
    this.#troubles.set(table, { kind: 'refuse', code });
  }

  /** Inserts into the table land, and who sent them is never told. */
  keepAnswers(table: string): void {
    this.#troubles.set(table, { kind: 'no answer' });
  }

  heal(): void {
    this.#troubles.clear();
  }

  /** Resolves when the next insert has met its trouble; of one without an answer the rows are in then. */
  nextTrouble(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
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
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #serve(incoming: IncomingMessage, answer: ServerResponse): void {
    const table = insertedTable(incoming.url ?? '/');
    const trouble = table === undefined ? undefined : this.#troubles.get(table);
    if (trouble?.kind === 'refuse') {
      incoming.resume().on('end', () => {
        answer.writeHead(500, { 'x-clickhouse-exception-code': String(trouble.code) });
        answer.end(`Code: ${trouble.code}. DB::Exception: refused by the test. (REFUSED_BY_TEST)\n`);
        this.#met();
      });
      return;
    }
    const { hostname, port } = this.#target;
    const { method, url, headers } = incoming;
    const outgoing = request({ hostname, port, method, path: url, headers, agent: this.#agent }, (result) => {
      if (trouble !== undefined) {
        result.resume().on('end', () => this.#met());
        return;
      }
      answer.writeHead(result.statusCode ?? 502, result.headers);
      result.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    incoming.pipe(outgoing);
  }

  #met(): void {
    this.troubled++;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** The table that a request inserts into; the statement is in the URL, the rows are the body. */
function insertedTable(url: string): string | undefined {
  const query = new URL(url, 'http://proxy').searchParams.get('query') ?? '';
  return /^INSERT INTO (\w+)/.exec(query)?.[1];
}
