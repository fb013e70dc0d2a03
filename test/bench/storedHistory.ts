import { setTimeout as sleep } from 'node:timers/promises';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { TABLES, toLines } from '../../src/store/tables.ts';
import { storeLabels } from './markets.ts';
import { rowOf } from './rowOf.ts';
import type { Stage } from './world.ts';

/** About a million events a day, the mean of Polymarket's V1 years. */
const EVENTS_PER_SECOND = 12;
const DAY_S = 86_400;
const DAY_EVENTS = EVENTS_PER_SECOND * DAY_S;
/** How long after its time an event of the history was read. */
const DELAY_MS = 2_500;
/** As the pipeline writes by default. */
const INSERT_ROWS = 5_000;
const COLUMNS = TABLES.order_event_versions;

export interface StoredHistory {
  readonly rows: number;
  /** Unix second of the first event. */
  readonly from: number;
}

/**
 * Fills a stage with a history that ends at a second: a made day of events and its labels, written as the pipeline does, and
 * before it as many days like it as are wanted, with hashes of their own, oldest first. The newest day lies in parts of
 * the size of the pipeline's inserts, those before in larger ones, as after merges.
 */
export async function storeHistory(
  stage: Stage,
  options: {
    readonly rows: number;
    readonly end: number;
    readonly signal: AbortSignal;
    readonly say: (line: string) => void;
  },
): Promise<StoredHistory> {
  const { database } = stage;
  const { end, signal, say } = options;
  await database.run('CREATE TABLE made_day AS order_event_versions');
  const day = await writeDay(stage, Math.min(options.rows, DAY_EVENTS), end, signal);
  const copies = Math.max(0, Math.ceil(options.rows / day) - 1);
  for (let back = copies; back >= 0; back--) {
    signal.throwIfAborted();
    await database.run(copyOfDay(back));
    if (back % 10 === 0) say(`${(copies - back + 1) * day} rows stored`);
  }
  await database.run('DROP TABLE made_day SYNC');
  return { rows: day * (copies + 1), from: end - (copies + 1) * DAY_S };
}

/** @returns the number of rows: those of whole seconds */
async function writeDay(stage: Stage, wanted: number, end: number, signal: AbortSignal): Promise<number> {
  const start = end - Math.ceil(wanted / EVENTS_PER_SECOND);
  const options = { start, end, eventsPerSecond: EVENTS_PER_SECOND };
  const labels = await storeLabels(stage.database, options);
  const exchange = new SimulatedExchange({ ...options, now: () => end * 1000 });
  const exchanges = new Set(stage.config.exchanges);
  let written = 0;
  let rows: string[] = [];
  const flush = async () => {
    await stage.database.insertLines('made_day', COLUMNS, [toLines(rows)]);
    written += rows.length;
    rows = [];
    signal.throwIfAborted();
  };
  for (const { row } of exchange.events({ from: start, to: end - 1 })) {
    const line = rowOf(row, exchanges, labels, ({ timestamp }) => timestamp * 1000 + DELAY_MS);
    if (line !== undefined) rows.push(line);
    if (rows.length >= INSERT_ROWS * 4) await flush();
  }
  await flush();
  return written;
}

/** The made day as the day that lies so many days before it: other hashes, as random as the real ones. */
function copyOfDay(back: number): string {
  const hash = (name: string) => `concat('0x', lower(hex(SHA256(concat(${name}, '${back}')))))`;
  const moved: Partial<Record<(typeof COLUMNS)[number], string>> = {
    timestamp: `timestamp - ${back * DAY_S}`,
    transaction_hash: hash('transaction_hash'),
    order_hash: hash('order_hash'),
    version: `version - ${back * DAY_S * 1000 * 2}`,
  };
  const settings =
    back === 0
      ? `, max_block_size = ${INSERT_ROWS}, min_insert_block_size_rows = ${INSERT_ROWS}, min_insert_block_size_bytes = 0`
      : '';
  return `
    INSERT INTO order_event_versions (${COLUMNS.join(', ')})
    SELECT ${COLUMNS.map((name) => (back === 0 ? name : (moved[name] ?? name))).join(', ')}
    FROM made_day FINAL ORDER BY made_day.timestamp, made_day.event_key
    SETTINGS max_threads = 1, max_insert_threads = 1${settings}`;
}

const QUIET_MS = 1_000;
const QUIET_LOOKS = 4;

/** Waits until ClickHouse merges nothing any more. @returns false where it still does when the time is over */
export async function settled({ database }: Stage, signal: AbortSignal, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (let quiet = 0; quiet < QUIET_LOOKS;) {
    if (performance.now() > end) return false;
    await sleep(QUIET_MS, undefined, { signal });
    const [row] = await database.rows<{ n: string }>(
      'SELECT count() AS n FROM system.merges WHERE database = {name:String}',
      { name: database.name },
    );
    quiet = row?.n === '0' ? quiet + 1 : 0;
  }
  return true;
}

/** Past months as they are an hour after their last row (schema/010_merged_months.sql): one part each. */
export async function mergePastMonths({ config }: Stage, signal: AbortSignal): Promise<void> {
  const patient = new Database(config.clickhouse, { requestTimeoutMs: 600_000 });
  try {
    const months = await patient.rows<{ id: string }>(
      `SELECT DISTINCT partition_id AS id FROM system.parts
       WHERE active AND database = {name:String} AND table = 'order_event_versions' ORDER BY id`,
      { name: patient.name },
    );
    for (const { id } of months.slice(0, -1)) {
      signal.throwIfAborted();
      await patient.run(`OPTIMIZE TABLE order_event_versions PARTITION ID '${id}' FINAL`);
    }
  } finally {
    await patient.close();
  }
}
