import type { Database } from './clickhouse.ts';

/** Unix seconds; `to` is not included. */
export interface Sample {
  readonly from: number;
  readonly to: number;
}

/** Places looked at for each range: one may lie before a gap, or behind the last event. */
const TRIES = 4;

/**
 * Random covered ranges of a source, each beginning at a second that has events: quiet times would tell little.
 * @param seconds length of each
 * @param endsBefore unix second: what may still change is left out
 */
export async function randomCoveredRanges(
  database: Database,
  source: string,
  options: { readonly count: number; readonly seconds: number; readonly endsBefore: number },
): Promise<Sample[]> {
  const { count, seconds, endsBefore } = options;
  const [span] = await database.rows<{ first: string; last: string; ranges: string }>(
    `SELECT min(from_position) AS first, max(to_position) AS last, count() AS ranges
     FROM coverage WHERE source = {source:String} HAVING ranges > 0`,
    { source },
  );
  if (span === undefined) return [];
  const first = Number(span.first);
  const last = Math.min(Number(span.last), endsBefore) - seconds;
  if (last <= first) return [];
  const samples: Sample[] = [];
  for (let tries = 0; tries < count * TRIES && samples.length < count; tries++) {
    const after = first + Math.floor(Math.random() * (last - first));
    const sample = await coveredFrom(database, source, { after, last, seconds });
    if (sample !== undefined) samples.push(sample);
  }
  return samples;
}

/** The range at the next event; undefined where there is none, or a gap is in it. */
async function coveredFrom(
  database: Database,
  source: string,
  { after, last, seconds }: { readonly after: number; readonly last: number; readonly seconds: number },
): Promise<Sample | undefined> {
  const [next] = await database.rows<{ second: number }>(
    `SELECT toUnixTimestamp(timestamp) AS second FROM order_event_versions
     WHERE source = {source:String} AND timestamp >= toDateTime({after:UInt32}) AND timestamp <= toDateTime({last:UInt32})
     ORDER BY timestamp LIMIT 1`,
    { source, after, last },
  );
  if (next === undefined) return undefined;
  const sample = { from: next.second, to: next.second + seconds };
  const gaps = await database.rows(
    `SELECT 1 FROM coverage_gaps WHERE source = {source:String}
       AND from_position < {to:UInt64} AND to_position >= {from:UInt64} LIMIT 1`,
    { source, ...sample },
  );
  return gaps.length === 0 ? sample : undefined;
}
