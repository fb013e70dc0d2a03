import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { endpoint } from '../base/config.ts';

/** What is at an address: nothing, the service that was looked for, or something else. */
export type Answer = 'nothing' | 'service' | 'other';

const PROBE_TIMEOUT_MS = 2_000;

/** True when something accepts TCP connections at this address. */
export async function tcpAnswers(host: string, port: number): Promise<boolean> {
  return (await exchange(host, port, undefined)) !== undefined;
}

/**
 * Is there a Redis? Any reply of its protocol counts, "wrong password" and "loading" included. Behind `rediss:`
 * whatever accepts connections counts: only a client with the right certificates can say more.
 */
export async function probeRedis(url: string): Promise<Answer> {
  const { host, port } = endpoint(url);
  const reply = await exchange(host, port, 'PING\r\n');
  if (reply === undefined) return 'nothing';
  if (new URL(url).protocol === 'rediss:') return 'service';
  return /^(\+PONG|-[A-Z]+ )/.test(reply) ? 'service' : 'other';
}

/** Is there a ClickHouse? Asked by `/ping`, which needs no user. Behind `https:` whatever accepts connections counts. */
export async function probeClickHouse(url: string): Promise<Answer> {
  const { host, port } = endpoint(url);
  if (!(await tcpAnswers(host, port))) return 'nothing';
  if (new URL(url).protocol === 'https:') return 'service';
  try {
    const response = await fetch(new URL('/ping', url), { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    return (await response.text()).startsWith('Ok.') ? 'service' : 'other';
  } catch {
    return 'other';
  }
}

/**
 * Asks until the answer is yes. Resolves with false when `timeoutMs` is over or the signal is aborted.
 * What the check throws goes through.
 */
export async function waitUntil(
  check: () => boolean | Promise<boolean>,
  options: {
    readonly timeoutMs: number;
    readonly intervalMs?: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    if (await check()) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0 || options.signal?.aborted) return false;
    const pauseMs = Math.min(options.intervalMs ?? 50, leftMs);
    // An aborted pause is no error: the loop sees the signal.
    await delay(pauseMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

/** Connects, sends, and gives the first reply ('' for none); undefined when nothing accepts the connection. */
function exchange(host: string, port: number, request: string | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    let connected = false;
    const socket = connect({ host, port });
    const finish = (reply: string | undefined) => {
      socket.destroy();
      resolve(reply);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => finish(connected ? '' : undefined));
    socket.on('connect', () => {
      connected = true;
      if (request === undefined) finish('');
      else socket.write(request);
    });
    socket.on('data', (data) => finish(data.toString('latin1')));
    socket.on('end', () => finish(''));
    socket.on('error', () => finish(connected ? '' : undefined));
  });
}

/** A port of loopback at which nothing listened a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
