import { z } from 'zod';
import {
  API_NAMES,
  FAULT_SCHEMA,
  isNode,
  means,
  type ApiControl,
  type ApiName,
  type Control,
} from './control.ts';
import { jsonOf, type ApiResponse } from './http.ts';
import { RecordedExchange } from './recorded.ts';
import { NODE_SCHEMA } from './rpcNode.ts';
import type { Upstream } from './upstream.ts';

const API_COMMAND = z
  .strictObject({
    heal: z.literal(true),
    latencyMs: z.number().min(0),
    limit: z
      .object({
        requests: z.number().int().positive(),
        windowMs: z.number().default(10_000),
        retryAfter: z.boolean().default(true),
      })
      .nullable(),
    fail: z.object({
      times: z.number().int().positive().default(1),
      match: z.string().default(''),
      fault: FAULT_SCHEMA,
    }),
    /** Of nodes only. */
    node: NODE_SCHEMA.partial(),
  })
  .partial();
type ApiCommand = z.output<typeof API_COMMAND>;

/** Body of `POST /__control`: commands by API, a reorganisation of the chain, changes of a recording. */
const COMMAND = z
  .strictObject({
    ...(Object.fromEntries(API_NAMES.map((name) => [name, API_COMMAND])) as Record<
      ApiName,
      typeof API_COMMAND
    >),
    reorg: z.strictObject({ depth: z.number().int().positive() }),
    addEvents: z.array(z.record(z.string(), z.unknown())),
    removeEvents: z.array(z.string()),
    addMarkets: z.array(z.record(z.string(), z.unknown())),
  })
  .partial();

/** Does what a command says; 400 for one that is not understood, 409 for one this upstream cannot do. */
export function obey(body: string, control: Control, upstream: Upstream): ApiResponse {
  const command = COMMAND.safeParse(jsonOf(body));
  if (!command.success) return problem(400, command.error.message);
  const { reorg, addEvents, removeEvents, addMarkets, ...apis } = command.data;
  const changes = [addEvents, removeEvents, addMarkets].some((change) => change !== undefined);
  if (changes && !(upstream instanceof RecordedExchange))
    return problem(409, 'events and markets can be changed only in a recording');
  for (const name of API_NAMES) {
    const wrong = apis[name] === undefined ? undefined : wrongFor(name, apis[name]);
    if (wrong !== undefined) return problem(400, wrong);
  }
  for (const name of API_NAMES) {
    const given = apis[name];
    if (given === undefined) continue;
    applyTo(control[name], given);
    if (isNode(name)) Object.assign(control[name].node, given.node);
  }
  if (upstream instanceof RecordedExchange) {
    upstream.removeEvents(removeEvents ?? []);
    upstream.addEvents(addEvents ?? []);
    upstream.addMarkets(addMarkets ?? []);
  }
  if (reorg !== undefined) upstream.reorg(reorg.depth);
  return { status: 200, body: {} };
}

function wrongFor(name: ApiName, { fail, node }: ApiCommand): string | undefined {
  if (node !== undefined && !isNode(name)) return `${name} is not a node: it has no node settings`;
  return fail === undefined || means(name, fail.fault)
    ? undefined
    : `${name} cannot have the fault ${fail.fault.kind}`;
}

function applyTo(api: ApiControl, command: ApiCommand): void {
  if (command.heal === true) api.heal();
  if (command.latencyMs !== undefined) api.latencyMs = command.latencyMs;
  if (command.limit !== undefined) api.limit = command.limit ?? undefined;
  if (command.fail !== undefined) api.failNext(command.fail.times, command.fail.fault, command.fail.match);
}

function problem(status: number, error: string): ApiResponse {
  return { status, body: { error } };
}
