import type { Database } from './clickhouse.ts';
import type { Recount } from './tables.ts';

/** The recounts of one source in the last 24 hours. */
export interface RecountSummary {
  readonly source: string;
  readonly recounts: number;
  /** Records that the source gave in them. */
  readonly events: number;
  /** Events that were missing, unexpected or different. */
  readonly mismatches: number;
  /** Milliseconds. */
  readonly lastAt: number;
}

interface RecountRow {
  readonly source: string;
  readonly from_position: string;
  readonly to_position: string;
  readonly request: string;
  readonly at: string;
  readonly upstream_events: string;
  readonly stored_events: string;
  readonly missing: string;
  readonly unexpected: string;
  readonly different: string;
  readonly examples: string[];
}

const COLUMNS = `source, from_position, to_position, request, toUnixTimestamp64Milli(recounted_at) AS at, upstream_events,
  stored_events, missing, unexpected, different, examples`;

/** The last recounts of all sources, the newest first. */
export async function lastRecounts(database: Database, limit: number): Promise<Recount[]> {
  const rows = await database.rows<RecountRow>(
    `SELECT ${COLUMNS}
     FROM recounts ORDER BY recounted_at DESC, source, from_position LIMIT {limit:UInt32}`,
    { limit },
  );
  return rows.map(toRecount);
}

/** The recounts whose request begins so. */
export async function recountsOf(database: Database, request: string): Promise<Recount[]> {
  const rows = await database.rows<RecountRow>(
    `SELECT ${COLUMNS} FROM recounts WHERE startsWith(request, {request:String}) ORDER BY source, from_position`,
    { request },
  );
  return rows.map(toRecount);
}

function toRecount(row: RecountRow): Recount {
  return {
    source: row.source,
    from: Number(row.from_position),
    to: Number(row.to_position),
    request: row.request,
    recountedAt: Number(row.at),
    upstreamEvents: Number(row.upstream_events),
    storedEvents: Number(row.stored_events),
    missing: Number(row.missing),
    unexpected: Number(row.unexpected),
    different: Number(row.different),
    examples: row.examples,
  };
}

/** What the recounts of the last 24 hours found: one row a source that had any. */
export async function recountSummary(database: Database): Promise<RecountSummary[]> {
  const rows = await database.rows<{
    source: string;
    recounts: string;
    events: string;
    mismatches: string;
    at: string;
  }>(
    `SELECT source, count() AS recounts, sum(upstream_events) AS events,
       sum(missing + unexpected + different) AS mismatches, toUnixTimestamp64Milli(max(recounted_at)) AS at
     FROM recounts WHERE recounted_at > now64(3) - INTERVAL 24 HOUR GROUP BY source ORDER BY source`,
  );
  return rows.map((row) => ({
    source: row.source,
    recounts: Number(row.recounts),
    events: Number(row.events),
    mismatches: Number(row.mismatches),
    lastAt: Number(row.at),
  }));
}
