import { cpus } from 'node:os';
import { runCommand } from '../../src/base/command.ts';
import { ConfigError } from '../../src/base/errors.ts';
import { parseSubgraphEvent } from '../../src/domain/parseOrderEvent.ts';
import { toTrade, type TokenLabel } from '../../src/domain/trade.ts';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { orderEventRow } from '../../src/store/tables.ts';

const BATCH = 5_000;
const RUNS = 5;

await runCommand({
  name: 'measure-storage',
  summary:
    'Writes made order events as the pipeline does, in a database of its own, and prints the bytes a row on disk and what the exact\n' +
    'read costs beside the raw one. Needs ClickHouse (npm run services). Does not measure: queues, sources, a cold disk cache.',
  options: { events: { type: 'string', value: 'N', help: 'order events (default 2000000)' } },
  run: async ({ config, args, signal }) => {
    const wanted = Number(args.events ?? 2_000_000);
    if (!Number.isInteger(wanted) || wanted < 1)
      throw new ConfigError('--events must be a whole number from 1.');
    const database = new Database({ ...config.clickhouse, database: `measure_${Date.now()}` });
    try {
      await migrate(database);
      const seconds = await write(database, wanted, new Set(config.exchanges), signal);
      console.log(
        `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model ?? ''})`,
      );
      console.log(
        `${wanted} order events in inserts of ${BATCH}: ${Math.round(wanted / seconds)} a second\n`,
      );
      await printBytes(database);
      await printReads(database);
    } finally {
      await database.runOutside(`DROP DATABASE ${database.name}`);
      await database.close();
    }
  },
});

/** @returns the seconds that the inserts took */
async function write(
  database: Database,
  wanted: number,
  exchanges: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<number> {
  // A day of trading at the demo's prices and wallets, at 50 events a second.
  const to = Math.floor(Date.UTC(2026, 0, 15) / 1000);
  const from = to - Math.ceil((wanted / 50) * 1.2);
  const exchange = new SimulatedExchange({ start: from, eventsPerSecond: 50, now: () => to * 1000 });
  const labels = new Map<string, TokenLabel>();
  let written = 0;
  let ms = 0;
  let rows: string[] = [];
  for (const { row } of exchange.events({ from, to })) {
    const parsed = parseSubgraphEvent(row, 'goldsky');
    if (!parsed.ok) continue;
    const trade = toTrade(parsed.event, exchanges);
    const label = trade === undefined ? undefined : labelOf(labels, trade.tokenId);
    rows.push(orderEventRow(parsed.event, trade, label, parsed.event.timestamp * 1000 + 2_500));
    written++;
    if (rows.length < BATCH && written < wanted) continue;
    const start = performance.now();
    await writeBatch(database, { rows: { order_event_versions: [encodeRows(rows)] }, coverage: [] });
    ms += performance.now() - start;
    rows = [];
    if (written >= wanted) break;
    signal.throwIfAborted();
  }
  return ms / 1000;
}

/** Labels as long and as varied as real ones: what they say does not matter here. */
function labelOf(labels: Map<string, TokenLabel>, tokenId: string): TokenLabel {
  const known = labels.get(tokenId);
  if (known !== undefined) return known;
  const condition = BigInt(tokenId).toString(16).padStart(64, '0');
  const label = {
    marketId: String(1_000_000 + labels.size),
    conditionId: `0x${condition}`,
    outcomeIndex: labels.size % 2,
    outcome: labels.size % 2 === 0 ? 'Yes' : 'No',
  };
  labels.set(tokenId, label);
  return label;
}

async function printBytes(database: Database): Promise<void> {
  const [total] = await database.rows<{ bytes: string; parts: string }>(
    `SELECT round(sum(bytes_on_disk) / sum(rows), 1) AS bytes, count() AS parts
     FROM system.parts WHERE active AND database = {name:String} AND table = 'order_event_versions'`,
    { name: database.name },
  );
  console.log(
    `On disk: ${total?.bytes} bytes a row (an order event and its trade), ${total?.parts} parts. The columns:`,
  );
  const columns = await database.rows<{ column: string; bytes: string }>(
    `SELECT column, round(sum(column_data_compressed_bytes) / sum(rows), 2) AS bytes
     FROM system.parts_columns
     WHERE active AND database = {name:String} AND table = 'order_event_versions'
     GROUP BY column ORDER BY sum(column_data_compressed_bytes) DESC LIMIT 10`,
    { name: database.name },
  );
  for (const { column, bytes } of columns) console.log(`  ${column.padEnd(18)} ${bytes}`);
}

async function printReads(database: Database): Promise<void> {
  const raw = 'order_event_versions';
  const [token] = await database.rows<{ market_id: string; day: string }>(
    `SELECT market_id, toDate(max(timestamp)) AS day FROM ${raw} WHERE market_id != ''
     GROUP BY market_id ORDER BY count() DESC LIMIT 1`,
  );
  const day = `timestamp >= toDateTime('${token?.day}', 'UTC') - 86400 AND timestamp < toDateTime('${token?.day}', 'UTC')`;
  const where = `market_id = '${token?.market_id}' AND ${day}`;
  const queries: [string, string, string][] = [
    ['count(), sum(usd_amount)', `FROM trades`, `FROM ${raw} WHERE maker_direction != ''`],
    [
      'the same, one market, one day',
      `FROM trades WHERE ${where}`,
      `FROM ${raw} WHERE maker_direction != '' AND ${where}`,
    ],
  ];
  console.log('\nMedian milliseconds           exact    raw   ratio');
  for (const [title, exact, plain] of queries) {
    const [a, b] = [await median(database, exact), await median(database, plain)];
    console.log(
      `${title.padEnd(30)}${a.toFixed(0).padStart(5)}${b.toFixed(0).padStart(7)}${(a / b).toFixed(2).padStart(8)}`,
    );
  }
}

async function median(database: Database, from: string): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    await database.rows(`SELECT count() AS n, sum(usd_amount) AS usd ${from}`);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
}
