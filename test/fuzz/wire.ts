import type { Answer } from './mutations.ts';

const WITHOUT_BODY = new Set([101, 204, 205, 304]);

/** An answer as `fetch` gives it to its caller. */
export async function asResponse(answer: Answer, signal: AbortSignal | null | undefined): Promise<Response> {
  const { status, headers, body, trouble } = answer;
  if (trouble === 'refused') {
    throw new TypeError('fetch failed', {
      cause: Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }),
    });
  }
  // As the real one: nothing is answered before the next turn.
  await Promise.resolve();
  if (WITHOUT_BODY.has(status)) return new Response(null, { status, headers });
  return new Response(trouble === undefined ? new Uint8Array(body) : interrupted(body, trouble, signal), {
    status,
    headers,
  });
}

/** Half of a body, and then the end of the connection, or nothing until the caller gives up. */
function interrupted(
  body: Buffer,
  trouble: 'broken off' | 'stalled',
  signal: AbortSignal | null | undefined,
): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(body.subarray(0, body.length / 2)));
      if (trouble === 'broken off') controller.error(new TypeError('terminated'));
      else signal?.addEventListener('abort', () => controller.error(signal.reason), { once: true });
    },
  });
}
