import type { Config } from '../../src/base/config.ts';
import type { TokenLabel } from '../../src/domain/trade.ts';
import { GoldskySource, type SubgraphCursor } from '../../src/sources/goldsky.ts';
import type { Database } from '../../src/store/clickhouse.ts';
import { TABLES, toLines } from '../../src/store/tables.ts';
import { rowOf } from './rowOf.ts';
import type { Upstream } from './upstream.ts';

const INSERT_ROWS = 10_000;

/**
 * The yardstick: one process that does what has to be done and nothing else. Page, transform, inserts of 10,000 rows, the
 * next page asked for meanwhile. No queue, no coverage, no second try: what it has read and not written is lost with it.
 * @returns the seconds from the first request until the last row is on disk
 */
export async function loadStraight(
  { goldskyUrl, first, events }: Upstream,
  database: Database,
  config: Config,
  labels: ReadonlyMap<string, TokenLabel>,
): Promise<number> {
  const source = new GoldskySource({ url: goldskyUrl });
  const exchanges = new Set(config.exchanges);
  const request = async (cursor: SubgraphCursor) => await source.fetchPage(cursor);
  const started = performance.now();
  let rows: string[] = [];
  let read = 0;
  let coming = request({ timestamp: first, id: '' });
  while (read < events) {
    const page = await coming;
    read += page.records.length;
    if (read < events) coming = request(page.next);
    for (const record of page.records) {
      const row = rowOf(record, exchanges, labels, Date.now);
      if (row !== undefined) rows.push(row);
    }
    if (rows.length < INSERT_ROWS && read < events) continue;
    const { order_event_versions: columns } = TABLES;
    await database.insertLines('order_event_versions', columns, [toLines(rows)]);
    rows = [];
  }
  return (performance.now() - started) / 1000;
}
