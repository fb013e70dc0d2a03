import type { Database } from '../../src/store/clickhouse.ts';
import type { BenchContext, Figure, Part, PartResult } from './part.ts';
import { mergePastMonths, settled, storeHistory } from './storedHistory.ts';

const ROWS = { short: 300_000, usual: 5_000_000, full: 50_000_000 } as const;
const END = Date.UTC(2026, 0, 15) / 1000;
const RUNS = 7;
const SETTLE_MS = 300_000;
const MOST_BYTES = 100;
const MOST_RATIO = 1.5;
/** What FINAL costs a small table is the fixed cost of a query: no ratio to hold anyone to. */
const ASKED_FROM_ROWS = 5_000_000;
const RAW = 'order_event_versions';

/** Bytes on disk, and exact reads beside raw ones. */
export const storagePart: Part = {
  name: 'storage',
  title: 'Storage and exact reads',
  help: 'bytes on disk an event, and what a read through the exact views costs beside one of the raw storage',
  run,
};

async function run(context: BenchContext): Promise<PartResult> {
  const { scale, signal } = context;
  const world = await context.world();
  const stage = await world.stage();
  const { database } = stage;
  try {
    const started = performance.now();
    const { rows, from } = await storeHistory(stage, {
      rows: ROWS[scale],
      end: END,
      signal,
      say: (line) => context.say(line),
    });
    context.say(`${rows} rows of ${Math.round((END - from) / 86_400)} days in ${seconds(started)} s`);
    const fresh = await reads(database, `just written, ${await partsOf(database)} parts`, rows);
    const waiting = performance.now();
    await mergePastMonths(stage, signal);
    const isSettled = await settled(stage, signal, SETTLE_MS);
    context.say(`merges ${isSettled ? 'done' : 'still running'} after ${seconds(waiting)} s`);
    const later = await reads(
      database,
      `${isSettled ? 'merges done' : 'merges still running'}, ${await partsOf(database)} parts`,
      rows,
    );
    return {
      figures: [...(await bytes(database)), ...fresh, ...later],
      notes: [
        `${rows} order events of the simulated exchange, a million a day: one day written row by row, the days before it as ` +
          'copies of it with hashes, times and versions of their own, made inside ClickHouse. The newest day lies in parts of 5,000 rows.',
        'Read just written, while ClickHouse merges on both cores what came within minutes, and once it has merged: past months are one part each, as the ' +
          'schema asks for an hour after their last row; here they are told to be.',
        `Reads: the median of ${RUNS} runs each, exact and raw taking turns, with the files in memory. A cold disk is not measured.`,
        'Order events and trades are two views of one table, which holds both in one row.',
      ],
    };
  } finally {
    await stage.close();
  }
}

async function bytes(database: Database): Promise<Figure[]> {
  const [total] = await database.rows<{ bytes: number }>(
    `SELECT sum(bytes_on_disk) / sum(rows) AS bytes FROM system.parts
     WHERE active AND database = {name:String} AND table = '${RAW}'`,
    { name: database.name },
  );
  const columns = await database.rows<{ column: string; bytes: string }>(
    `SELECT column, round(sum(column_data_compressed_bytes) / sum(rows), 1) AS bytes FROM system.parts_columns
     WHERE active AND database = {name:String} AND table = '${RAW}'
     GROUP BY column ORDER BY sum(column_data_compressed_bytes) DESC LIMIT 8`,
    { name: database.name },
  );
  const perRow = total?.bytes ?? Infinity;
  return [
    {
      what: 'on disk, an order event and its trade together',
      value: `${perRow.toFixed(1)} bytes`,
      asked: `<= ${MOST_BYTES} bytes for each of the two`,
      met: perRow <= MOST_BYTES,
    },
    {
      what: 'of these, by column',
      value: columns.map(({ column, bytes: size }) => `${column} ${size}`).join(', '),
    },
  ];
}

async function reads(database: Database, when: string, rows: number): Promise<Figure[]> {
  const [busiest] = await database.rows<{ market: string; day: string }>(
    `SELECT market_id AS market, toString(toDate(min(timestamp)) + 1) AS day FROM ${RAW}
     WHERE timestamp >= toDateTime({from:UInt32}) AND market_id != ''
     GROUP BY market_id ORDER BY count() DESC LIMIT 1`,
    { from: END - 172_800 },
  );
  const filter = `market_id = '${busiest?.market}' AND timestamp >= toDateTime('${busiest?.day}', 'UTC')
    AND timestamp < toDateTime('${busiest?.day}', 'UTC') + INTERVAL 1 DAY`;
  const queries = [
    ['count(), sum(usd_amount)', 'true'],
    ['the same of one market on one day', filter],
  ] as const;
  const figures: Figure[] = [];
  for (const [what, where] of queries) {
    const { exact, raw } = await medians(
      database,
      `FROM trades WHERE ${where}`,
      `FROM ${RAW} WHERE maker_direction != '' AND ${where}`,
    );
    const value = `${(exact / raw).toFixed(2)} x raw (${exact.toFixed(0)} ms, ${raw.toFixed(0)} ms)`;
    const isAsked = rows >= ASKED_FROM_ROWS;
    figures.push({
      what: `${what}, ${when}`,
      value,
      ...(isAsked ? { asked: `<= ${MOST_RATIO} x raw`, met: exact / raw <= MOST_RATIO } : {}),
    });
  }
  return figures;
}

async function medians(
  database: Database,
  exactFrom: string,
  rawFrom: string,
): Promise<{ exact: number; raw: number }> {
  const times: { exact: number[]; raw: number[] } = { exact: [], raw: [] };
  for (let run = 0; run < RUNS; run++) {
    for (const [kind, from] of [
      ['exact', exactFrom],
      ['raw', rawFrom],
    ] as const) {
      const start = performance.now();
      await database.rows(`SELECT count() AS n, sum(usd_amount) AS usd ${from}`);
      times[kind].push(performance.now() - start);
    }
  }
  return { exact: median(times.exact), raw: median(times.raw) };
}

async function partsOf(database: Database): Promise<string> {
  const [row] = await database.rows<{ n: string }>(
    `SELECT count() AS n FROM system.parts WHERE active AND database = {name:String} AND table = '${RAW}'`,
    { name: database.name },
  );
  return row?.n ?? '0';
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(0);
}
