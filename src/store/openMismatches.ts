import { subtractSpans, type Span } from '../domain/spans.ts';
import type { Database } from './clickhouse.ts';

/** Of more than that many, the newest. */
const MOST = 200;

/** A recount that did not agree, of a range that no later recount has found to be right. Positions: `to` is not included. */
export interface Mismatch {
  readonly from: number;
  readonly to: number;
  readonly missing: number;
  readonly unexpected: number;
  readonly different: number;
}

interface RecountRow {
  readonly from_position: string;
  readonly to_position: string;
  readonly at: string;
  readonly missing: string;
  readonly unexpected: string;
  readonly different: string;
}

/** Mismatches of a source that still stand, the newest first. */
export async function openMismatches(database: Database, source: string): Promise<Mismatch[]> {
  const columns = `from_position, to_position, toUnixTimestamp64Milli(recounted_at) AS at, missing, unexpected, different`;
  const mismatches = await database.rows<RecountRow>(
    `SELECT ${columns} FROM recounts WHERE source = {source:String} AND missing + unexpected + different > 0
     ORDER BY recounted_at DESC, from_position LIMIT {limit:UInt32}`,
    { source, limit: MOST },
  );
  const open: Mismatch[] = [];
  for (const row of mismatches) {
    const span = spanOf(row);
    const later = await database.rows<RecountRow>(
      `SELECT ${columns} FROM recounts WHERE source = {source:String} AND missing + unexpected + different = 0
         AND recounted_at > fromUnixTimestamp64Milli({at:Int64}) AND from_position < {to:UInt64} AND to_position > {from:UInt64}`,
      { source, at: row.at, from: span.from.position, to: span.to.position },
    );
    if (subtractSpans([span], later.map(spanOf)).length === 0) continue;
    open.push({
      from: span.from.position,
      to: span.to.position,
      missing: Number(row.missing),
      unexpected: Number(row.unexpected),
      different: Number(row.different),
    });
  }
  return open;
}

/** A recount of a part of one position says that position. */
function spanOf({ from_position, to_position }: RecountRow): Span {
  const from = Number(from_position);
  return {
    from: { position: from, id: '' },
    to: { position: Math.max(Number(to_position), from + 1), id: '' },
  };
}
