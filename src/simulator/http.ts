import type { Upstream } from './upstream.ts';

/** One request to a stand-in API: the path below the API's own prefix, the body as text. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Length of path and query as sent. */
  readonly urlLength: number;
  /** The header of that name. */
  readonly authorization?: string | undefined;
  readonly body: string;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object or list is sent as JSON, a string as it is. */
  readonly body: unknown;
}

/** A stand-in API: answers requests from what an upstream has. */
export interface Api {
  answer(request: ApiRequest, upstream: Upstream): ApiResponse;
  /** The request as a server reads it that pays no attention to the cursor; of APIs with cursors. */
  withoutCursor?(request: ApiRequest): ApiRequest;
  /** The request refused by a JSON-RPC error, each of a batch for itself; of nodes. */
  refuse?(request: ApiRequest, code: number, message: string): ApiResponse;
}

/** The response's text and headers as they go over the wire. */
export function encode(response: ApiResponse): {
  readonly text: string;
  readonly headers: Record<string, string>;
} {
  const { body } = response;
  const isText = typeof body === 'string';
  return {
    text: isText ? body : JSON.stringify(body),
    headers: {
      'content-type': isText ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
      ...response.headers,
    },
  };
}

/** The JSON in a text; undefined for none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
