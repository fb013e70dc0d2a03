import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../base/errors.ts';
import { obey } from './command.ts';
import { API_NAMES, type ApiControl, type ApiName, type Control, type Fault } from './control.ts';
import { encode, type Api, type ApiRequest, type ApiResponse } from './http.ts';
import type { Upstream } from './upstream.ts';
import { behind, emptied } from './views.ts';

const MAX_HEADER_BYTES = 64 * 1024;

export interface ServerParts {
  readonly port: number;
  readonly upstream: Upstream;
  readonly control: Control;
  readonly apis: Readonly<Record<ApiName, Api>>;
}

/**
 * One HTTP server on loopback: each API under its name (`/gamma/...`), `POST /__control`, `GET /__requests`,
 * `GET /__start`.
 * @throws AppError `SIMULATOR_PORT` when it cannot listen there.
 */
export async function listen(
  parts: ServerParts,
): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    serve(parts, request, response).catch((error: unknown) => {
      // A broken connection has nobody to tell; anything else must not look like data.
      if (!response.headersSent && !response.destroyed)
        send(response, { status: 500, body: { error: String(error) } });
    });
  });
  server.keepAliveTimeout = 30_000;
  server.listen(parts.port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new AppError(
      'SIMULATOR_PORT',
      `The simulator cannot listen on port ${parts.port}; choose another with --port.`,
      {
        retry: 'never',
        cause,
      },
    );
  }
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

async function serve(parts: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const target = request.url ?? '/';
  const url = new URL(target, 'http://simulator');
  const body = await readText(request);
  const name = API_NAMES.find((one) => url.pathname === `/${one}` || url.pathname.startsWith(`/${one}/`));
  if (name === undefined) return send(response, housekeeping(parts, request.method ?? '', url, body));
  const api: ApiRequest = {
    method: request.method ?? 'GET',
    path: url.pathname.slice(name.length + 1),
    query: url.searchParams,
    urlLength: target.length - name.length - 1,
    authorization: request.headers.authorization,
    body,
  };
  await answer(parts, name, api, target.slice(name.length + 1), response);
}

async function answer(
  { control: controls, apis, upstream }: ServerParts,
  name: ApiName,
  request: ApiRequest,
  url: string,
  response: ServerResponse,
): Promise<void> {
  const control = controls[name];
  const at = Date.now();
  const record = (status: number): void => {
    control.record({ at, method: request.method, url, body: request.body, status });
  };
  const waitMs = control.admit(at);
  const fault = waitMs > 0 ? undefined : control.takeFault(url + request.body);
  if (fault?.kind === 'hang') return record(0);
  if (fault?.kind === 'reset') {
    record(0);
    response.socket?.resetAndDestroy();
    return;
  }
  const result = waitMs > 0 ? tooMany(control, waitMs) : faulty(fault, apis[name], request, upstream);
  record(result.status);
  if (control.latencyMs > 0) await sleep(control.latencyMs);
  send(response, result);
}

function tooMany(control: ApiControl, waitMs: number): ApiResponse {
  const headers =
    control.limit?.retryAfter === true ? { 'retry-after': String(Math.ceil(waitMs / 1000)) } : {};
  return { status: 429, headers, body: { error: 'Too Many Requests' } };
}

function faulty(
  fault: Exclude<Fault, { kind: 'hang' | 'reset' }> | undefined,
  api: Api,
  request: ApiRequest,
  upstream: Upstream,
): ApiResponse {
  switch (fault?.kind) {
    case undefined:
      return api.answer(request, upstream);
    case 'empty':
      return api.answer(request, emptied(upstream));
    case 'behind':
      return api.answer(request, behind(upstream, fault.seconds));
    case 'ignoresCursor':
      return api.answer(api.withoutCursor?.(request) ?? request, upstream);
    case 'rpcError':
      return api.refuse?.(request, fault.code, fault.message) ?? api.answer(request, upstream);
    case 'status': {
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      return { status: fault.status, headers, body: fault.body ?? { error: `status ${fault.status}` } };
    }
    case 'truncated': {
      const { text, headers } = encode(api.answer(request, upstream));
      return { status: 200, headers, body: text.slice(0, Math.floor(text.length / 2)) };
    }
    case 'html':
      return {
        status: 200,
        body: '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>',
      };
    case 'graphql': {
      const data = fault.data === undefined ? {} : { data: fault.data };
      return { status: 200, body: { ...data, errors: [{ message: fault.message }] } };
    }
  }
}

function housekeeping(
  { control, upstream }: ServerParts,
  method: string,
  url: URL,
  body: string,
): ApiResponse {
  if (method === 'GET' && url.pathname === '/__requests') {
    const of = ({ counts, requests }: ApiControl): object =>
      url.searchParams.has('log') ? { ...counts, requests } : counts;
    return { status: 200, body: Object.fromEntries(API_NAMES.map((name) => [name, of(control[name])])) };
  }
  if (method === 'GET' && url.pathname === '/__start') return { status: 200, body: upstream.start() };
  if (method === 'POST' && url.pathname === '/__control') return obey(body, control, upstream);
  return { status: 404, body: { error: 'not found' } };
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, result: ApiResponse): void {
  const { text, headers } = encode(result);
  response.writeHead(result.status, { ...headers, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
