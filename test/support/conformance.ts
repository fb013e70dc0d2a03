import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ClickHouseError, ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect } from 'vitest';
import { clickHouseCommand } from '../../src/embedded/clickhouse/launch.ts';

/**
 * What this program needs of ClickHouse over HTTP. Runs against the embedded engine, or, with CONFORMANCE_URL, against any
 * server: both must pass (one group is about the embedded process alone).
 */
export const external = process.env['CONFORMANCE_URL'];
const directories: string[] = [];
const processes = new Set<ChildProcess>();
export const database = `conformance_${randomUUID().replaceAll('-', '')}`;
export let url: string;
export let client: ClickHouseClient;

export async function startEmbedded(
  path: string,
  password = '',
): Promise<{ url: string; process: ChildProcess }> {
  const { command, args, env } = clickHouseCommand({ host: '127.0.0.1', port: 0, path, password });
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.add(child);
  child.once('exit', () => processes.delete(child));
  for await (const line of createInterface({ input: child.stdout })) {
    const { port } = JSON.parse(line) as { port: number };
    return { url: `http://127.0.0.1:${port}`, process: child };
  }
  throw new Error('the embedded ClickHouse ended before it was ready');
}

export function dataDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'clickhouse-conformance-'));
  directories.push(path);
  return path;
}

export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, 'exit') as Promise<[number | null]>;
  child.kill(signal);
  return (await exit)[0];
}

/** Starts the server of a test file, with a database of its own, and ends it after the last test. */
export function useClickHouse(): void {
  beforeAll(async () => {
    url = external ?? (await startEmbedded(dataDirectory())).url;
    const admin = createClient({ url });
    await admin.command({ query: `CREATE DATABASE ${database}` });
    await admin.close();
    client = createClient({
      url,
      database,
      max_open_connections: 20,
      log: { level: ClickHouseLogLevel.OFF },
    });
  }, 30_000);

  afterAll(async () => {
    await client.command({ query: `DROP DATABASE ${database}` });
    await client.close();
    for (const child of processes) await end(child, 'SIGKILL');
    for (const path of directories) rmSync(path, { recursive: true, force: true });
  });
}

let tables = 0;
export async function newTable(columns: string, engine = 'MergeTree ORDER BY tuple()'): Promise<string> {
  const name = `t${tables++}`;
  await client.command({ query: `CREATE TABLE ${name} (${columns}) ENGINE = ${engine}` });
  return name;
}

export async function rows<T = unknown[]>(
  query: string,
  query_params?: Record<string, unknown>,
): Promise<T[]> {
  const result = await client.query({
    query,
    format: 'JSONCompactEachRow',
    ...(query_params ? { query_params } : {}),
  });
  return result.json<T>();
}

export async function post(
  query: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> {
  const search = new URLSearchParams({ database, query });
  return fetch(`${url}/?${search.toString()}`, {
    method: 'POST',
    headers,
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  });
}

export async function errorOf(action: Promise<unknown>): Promise<{ code: string; type: string | undefined }> {
  const error: unknown = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ClickHouseError);
  const { code, type } = error as ClickHouseError;
  return { code, type };
}

export function rowBinary(id: bigint, text: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(id);
  return Buffer.concat([head, Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
}
