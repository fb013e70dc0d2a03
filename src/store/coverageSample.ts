import type { Database } from './clickhouse.ts';

/** Positions of a source (unix seconds or blocks); `to` is not included. */
export interface Sample {
  readonly from: number;
  readonly to: number;
}

export interface SampleOptions {
  readonly count: number;
  readonly positions: 'seconds' | 'blocks';
  /** Positions of each. */
  readonly length: number;
  /** Position: what may still change is left out. */
  readonly endsBefore: number;
}

/** Places looked at for each range: one may lie before a gap, or behind the last event. */
const TRIES = 4;

/**
 * Random covered ranges of a source. Those of seconds begin at one that has events: quiet times would tell little.
 */
export async function randomCoveredRanges(
  database: Database,
  source: string,
  { count, positions, length, endsBefore }: SampleOptions,
): Promise<Sample[]> {
  const [span] = await database.rows<{ first: string; last: string; ranges: string }>(
    `SELECT min(from_position) AS first, max(to_position) AS last, count() AS ranges
     FROM coverage WHERE source = {source:String} HAVING ranges > 0`,
    { source },
  );
  if (span === undefined) return [];
  const first = Number(span.first);
  const last = Math.min(Number(span.last), endsBefore) - length;
  if (last <= first) return [];
  const samples: Sample[] = [];
  for (let tries = 0; tries < count * TRIES && samples.length < count; tries++) {
    const after = first + Math.floor(Math.random() * (last - first));
    const from = positions === 'blocks' ? after : await nextEvent(database, source, after, last);
    if (from === undefined) continue;
    const sample = { from, to: from + length };
    if (await hasNoGap(database, source, sample)) samples.push(sample);
  }
  return samples;
}

/** The second of the next event; undefined where there is none. */
async function nextEvent(
  database: Database,
  source: string,
  after: number,
  last: number,
): Promise<number | undefined> {
  const [next] = await database.rows<{ second: number }>(
    `SELECT toUnixTimestamp(timestamp) AS second FROM order_event_versions
     WHERE source = {source:String} AND timestamp >= toDateTime({after:UInt32}) AND timestamp <= toDateTime({last:UInt32})
     ORDER BY timestamp LIMIT 1`,
    { source, after, last },
  );
  return next?.second;
}

async function hasNoGap(database: Database, source: string, { from, to }: Sample): Promise<boolean> {
  const gaps = await database.rows(
    `SELECT 1 FROM coverage_gaps WHERE source = {source:String}
       AND from_position < {to:UInt64} AND to_position >= {from:UInt64} LIMIT 1`,
    { source, from, to },
  );
  return gaps.length === 0;
}
