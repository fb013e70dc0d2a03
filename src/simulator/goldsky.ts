import { execute, GraphQLError, parse, validate, type DocumentNode, type ExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Api, ApiRequest, ApiResponse } from './http.ts';
import { ORDER_SCHEMA } from './orderSchema.ts';
import type { Upstream } from './upstream.ts';

/** Parsed and validated queries, or what is wrong with them. */
type Prepared = DocumentNode | readonly GraphQLError[];

/**
 * The orderbook subgraph as a GraphQL endpoint: POST a query, with or without variables, to any path. Errors come
 * with HTTP 200 and `errors`: those of parsing and validation have `locations`, those of execution a message only.
 */
export function goldskyApi(): Api {
  const prepared = new LRUCache<string, { readonly result: Prepared }>({ max: 200 });
  const respond = (request: ApiRequest, upstream: Upstream): ApiResponse => {
    if (request.method !== 'POST') return { status: 405, body: { message: 'Use POST with a GraphQL query' } };
    const body = readBody(request);
    if (body === undefined)
      return { status: 400, body: { message: 'The body is not a JSON object with a query' } };
    let known = prepared.get(body.query);
    if (known === undefined) {
      known = { result: prepare(body.query) };
      prepared.set(body.query, known);
    }
    if (!('kind' in known.result)) return answer({ errors: known.result.map(withLocations) }, upstream);
    const result = execute({
      schema: ORDER_SCHEMA,
      document: known.result,
      rootValue: upstream,
      variableValues: body.variables,
      operationName: body.operationName,
    }) as ExecutionResult;
    if (result.errors === undefined) return answer({ data: result.data }, upstream);
    return answer(
      { errors: result.errors.map((error) => (error.path ? messageOnly(error) : withLocations(error))) },
      upstream,
    );
  };
  return { answer: respond, withoutCursor };
}

/** A cursor is `id_gt` within a second, else `timestamp_gt`: only the variable `where` is looked at. */
function withoutCursor(request: ApiRequest): ApiRequest {
  const body = readBody(request);
  const where = { ...(body?.variables['where'] as Record<string, unknown> | undefined) };
  if ('id_gt' in where) delete where['id_gt'];
  else delete where['timestamp_gt'];
  return { ...request, body: JSON.stringify({ ...body, variables: { ...body?.variables, where } }) };
}

function prepare(query: string): Prepared {
  try {
    const document = parse(query);
    const errors = validate(ORDER_SCHEMA, document);
    return errors.length > 0 ? errors : document;
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

interface GraphQLBody {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly operationName: string | null;
}

function readBody(request: ApiRequest): GraphQLBody | undefined {
  let body: unknown;
  try {
    body = JSON.parse(request.body);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null || !('query' in body) || typeof body.query !== 'string')
    return undefined;
  const { variables, operationName } = body as {
    variables?: Record<string, unknown>;
    operationName?: string;
  };
  return { query: body.query, variables: variables ?? {}, operationName: operationName ?? null };
}

function answer(body: object, upstream: Upstream): ApiResponse {
  const { number, hash, timestamp } = upstream.head();
  return { status: 200, headers: { 'graph-indexed': JSON.stringify({ number, hash, timestamp }) }, body };
}

function withLocations({ message, locations }: GraphQLError): object {
  return { message, locations };
}

function messageOnly({ message }: GraphQLError): object {
  return { message };
}
