import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { MadeHistory, type PageQuery } from './madeHistory.ts';
import type { FromUpstream, ToUpstream, UpstreamOptions } from './upstream.ts';

/**
 * The stand-in upstream of the benchmark, a process of its own: a subgraph that answers with pages made before, so that it
 * takes next to nothing of the two cores, and the simulator's market API.
 */
const options = JSON.parse(process.argv[2] ?? '{}') as UpstreamOptions;
const { exchange, eventsWanted, repetitions = 1, pageEvents, latencyMs, limit } = options;
const market = new SimulatedExchange({ ...exchange, now: () => exchange.end * 1000 });
const history = new MadeHistory(market, eventsWanted, repetitions);
const simulator = await startSimulator({ upstream: market });
/** Milliseconds of a steady clock at which requests for pages came, and of those refused. */
const arrivals: number[] = [];
const refused: number[] = [];

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => response.destroy(error as Error));
});
server.keepAliveTimeout = 30_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');

process.on('message', (message: ToUpstream) => {
  if (message.kind === 'arrivals') say({ kind: 'arrivals', arrivals, refused, now: performance.now() });
});
process.on('disconnect', () => process.exit(0));
say({
  kind: 'ready',
  goldskyUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  gammaUrl: simulator.gammaUrl,
  events: history.events,
  first: history.first,
  last: history.last,
  checksum: String(history.checksum),
});

function say(message: FromUpstream): void {
  process.send?.(message);
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const at = performance.now();
  let body = '';
  for await (const chunk of request) body += String(chunk);
  if (limit !== undefined && arrivals.filter((one) => one > at - limit.windowMs).length >= limit.requests) {
    refused.push(at);
    response.writeHead(429, { 'retry-after': '1' });
    response.end();
    return;
  }
  arrivals.push(at);
  const { variables } = JSON.parse(body) as { variables: PageQuery };
  const page = history.page({ ...variables, first: Math.min(variables.first, pageEvents) });
  if (latencyMs > 0) await sleep(latencyMs);
  const head = `{"data":{"_meta":{"block":{"number":90000000,"timestamp":${exchange.end}},"hasIndexingErrors":false},"orderFilledEvents":[`;
  const tail = ']}}';
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': head.length + page.length + tail.length,
  });
  response.write(head);
  response.write(page);
  response.end(tail);
}
