import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../base/command.ts';
import { loadConfig } from '../base/config.ts';
import { log } from '../base/log.ts';
import { Database } from '../store/clickhouse.ts';
import { startUpstream, type UpstreamOptions } from './demoUpstream.ts';
import { showQueries } from './demoQueries.ts';
import { startPipeline } from './pipeline.ts';

/** Trades that must be there before the queries are shown. */
const ENOUGH_TRADES = 1_000;
const ENOUGH_WAIT_MS = 180_000;
/** Trades as young as this (seconds) are the newest; they are waited for this long (milliseconds). */
const RECENT_S = 30;
const RECENT_WAIT_MS = 30_000;
const QUIET_MS = 5_000;

void runCommand({
  name: 'demo',
  summary:
    'The whole pipeline on this machine with no network and no accounts: local stand-ins of the upstream APIs feed it.\n' +
    'Its data is made, and kept apart from that of npm start (DATA_DIR/demo). Runs until it is stopped.',
  options: {
    rate: { type: 'string', value: 'N', help: 'order events a second (default 25)' },
    seed: { type: 'string', value: 'N', help: 'another seed, another exchange (default 1)' },
    history: { type: 'string', value: 'SECONDS', help: 'history before the first start (default 3600)' },
    era: {
      type: 'string',
      value: 'NAME',
      help: 'modern (default): after a third of the history all trading is on the V2 and V3 exchanges; v1: all on V1',
    },
    events: {
      type: 'string',
      value: 'FILE',
      help: "replay a recording instead: CSV with poly_data's columns (orderFilled.csv)",
    },
    markets: { type: 'string', value: 'FILE', help: 'the markets of the recording: JSON, an array or lines' },
  },
  run: async ({ args, signal, stopped, onStop, ready }) => {
    const dataDir = join(loadConfig().dataDir, 'demo');
    const logger = log('demo');
    console.log(
      'Starting Redis, ClickHouse, stand-ins of the Polymarket APIs, workers and the dashboard ...',
    );
    const upstream = await startUpstream(args satisfies UpstreamOptions, { dataDir, logger, signal });
    onStop(upstream.stop);
    const env = { ...upstream.env, DATA_DIR: dataDir };
    const config = loadConfig({ ...process.env, ...env });
    const pipeline = await startPipeline({ config, env, log: logger, kind: 'demo', signal });
    onStop(pipeline.stop);
    ready({ url: pipeline.url });

    const database = new Database(config.clickhouse);
    onStop(() => database.close());
    await (args.events === undefined ? untilTrades(database, signal) : untilQuiet(database, signal));
    await showQueries(config, pipeline.url);
    await stopped;
  },
});

/** Waits until a recording has been replayed: no more trades come. */
async function untilQuiet(database: Database, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + ENOUGH_WAIT_MS;
  let last = { trades: '0', since: Date.now() };
  while (Date.now() < deadline) {
    const [row] = await database.rows<{ trades: string }>('SELECT count() AS trades FROM trades');
    const trades = row?.trades ?? '0';
    if (trades !== last.trades) last = { trades, since: Date.now() };
    if (last.trades !== '0' && Date.now() - last.since > QUIET_MS) return;
    await sleep(250, undefined, { signal });
  }
}

/** Waits until there is something to show: labelled trades, and the newest ones if that does not take long. */
async function untilTrades(database: Database, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + ENOUGH_WAIT_MS;
  let enoughAt: number | undefined;
  while (Date.now() < deadline) {
    const rows = await database.rows<{ labelled: string; age: string }>(
      `SELECT countIf(market_id != '') AS labelled, dateDiff('second', max(timestamp), now()) AS age FROM trades`,
    );
    if (Number(rows[0]?.labelled) >= ENOUGH_TRADES) enoughAt ??= Date.now();
    const isRecent = Math.abs(Number(rows[0]?.age)) <= RECENT_S;
    if (enoughAt !== undefined && (isRecent || Date.now() - enoughAt > RECENT_WAIT_MS)) return;
    await sleep(250, undefined, { signal });
  }
}
