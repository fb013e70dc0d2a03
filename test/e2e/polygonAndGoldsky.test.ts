import { expect, onTestFinished, test } from 'vitest';
import { exchangeVersion } from '../../src/base/exchanges.ts';
import { chainLogs } from '../../src/simulator/chainLogs.ts';
import type { Fill } from '../../src/simulator/upstream.ts';
import type { Database } from '../../src/store/clickhouse.ts';
import { coveredEnd } from '../../src/store/coverage.ts';
import { API_NAMES, type Api } from '../../queues/breaker.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { makeChainWorld } from '../support/chain.ts';
import { startWorkerProcess, untilCount } from '../support/pipeline.ts';
import { testConfig } from '../support/world.ts';

const POLL = { timeout: 60_000, interval: 100 };
const NODES = ['polygon', 'polygon2', 'polygon3'] as const;

test('V1 by goldsky and the rest by polygon, while all nodes are down for a while: each fill once, and goldsky goes on', async () => {
  const historySeconds = 120;
  const start = Math.floor(Date.now() / 1000) - historySeconds;
  const { environment, database, simulator, upstream, firstBlock } = await makeChainWorld({
    historySeconds,
    exchange: { eventsPerSecond: 25, seed: 81 },
    environment: { ORDER_SOURCES: 'goldsky,polygon', GOLDSKY_START: String(start - 2) },
  });
  const context = createContext(testConfig(environment));
  onTestFinished(() => closeContext(context));
  const stateOf = async (api: Api) => (await context.breakers.read(api)).state;
  const newest = (source: string) => newestSecond(database, source).catch(() => 0);
  await startWorkerProcess(environment);
  const now = Math.floor(Date.now() / 1000);
  for (const source of ['goldsky', 'polygon']) {
    await expect.poll(() => newest(source), POLL).toBeGreaterThan(now - 10);
  }

  for (const node of NODES) simulator.control[node].failNext(1_000_000, { kind: 'status', status: 503 });
  await expect.poll(() => stateOf('polygon'), POLL).toBe('open');
  const stuck = await newest('polygon');
  await expect.poll(() => newest('goldsky'), POLL).toBeGreaterThan(stuck + 2);
  for (const api of Object.keys(API_NAMES) as Api[]) {
    expect(await stateOf(api), api).toBe(api === 'polygon' ? 'open' : 'closed');
  }
  for (const node of NODES) simulator.control[node].heal();
  await expect.poll(() => stateOf('polygon'), POLL).toBe('closed');

  const end = upstream.chainHead();
  for (const [source, position] of [
    ['goldsky', end.timestamp],
    ['polygon', end.number],
  ] as const) {
    const covered = async () => (await coveredEnd(database, source))?.position;
    await expect.poll(covered, POLL).toBeGreaterThan(position);
  }
  const wanted = chainLogs(upstream, firstBlock, end.number + 1).flatMap(({ fill }) => fill ?? []);
  expect(new Set(wanted.map(({ exchange }) => exchangeVersion(exchange)))).toEqual(new Set([1, 2, 3]));
  const cutover = upstream.options.cutover ?? 0;
  const isLate = ({ exchange, timestamp }: Fill) => exchangeVersion(exchange) === 1 && timestamp > cutover;
  expect(wanted.some(isLate)).toBe(true);
  expect(await fills(database, end.timestamp)).toEqual(wanted.map(lineOf).toSorted());
  await untilCount(database, 'SELECT count() AS n FROM coverage_gaps', 0, 20_000);
}, 180_000);

async function newestSecond(database: Database, source: string): Promise<number> {
  const [row] = await database.rows<{ second: number }>(
    'SELECT toUnixTimestamp(max(timestamp)) AS second FROM order_events WHERE source = {source:String}',
    { source },
  );
  return row?.second ?? 0;
}

function lineOf({ exchange, transactionHash, orderHash }: Fill): string {
  return [exchangeVersion(exchange) === 1 ? 'goldsky' : 'polygon', transactionHash, orderHash].join(' ');
}

/** What is stored up to a second, by source. */
async function fills(database: Database, to: number): Promise<string[]> {
  const rows = await database.rows<{ line: string }>(
    `SELECT concat_ws(' ', source, transaction_hash, order_hash) AS line FROM order_events
     WHERE timestamp <= toDateTime({to:UInt32}) ORDER BY line`,
    { to },
  );
  return rows.map(({ line }) => line);
}
