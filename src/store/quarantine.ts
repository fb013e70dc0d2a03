import { chunksOf } from '../base/chunks.ts';
import type { Database } from './clickhouse.ts';
import { type DataTable, toDateTime64, toLines } from './tables.ts';

/** Records of this source are rows that ClickHouse refused: lines of JSONCompactEachRow. */
export function rowSource(table: DataTable): string {
  return `clickhouse.${table}`;
}

/** A parameter of a query has at most 128 KiB. */
const HASHES_A_QUERY = 1_000;

/** Those of the given rows (rowHash) that are in quarantine because ClickHouse refuses them. */
export async function refusedRows(
  database: Database,
  table: DataTable,
  hashes: readonly string[],
): Promise<Set<string>> {
  const refused = new Set<string>();
  for (const some of chunksOf(hashes, HASHES_A_QUERY)) {
    const rows = await database.rows<{ record_hash: string }>(
      `SELECT record_hash FROM quarantine_versions FINAL
       WHERE source = {source:String} AND record_hash IN {hashes:Array(String)} AND resolved = 0`,
      { source: rowSource(table), hashes: some },
    );
    for (const row of rows) refused.add(row.record_hash);
  }
  return refused;
}

/** A quarantined record that is used after all. */
export interface Resolution {
  readonly source: string;
  readonly hash: string;
  /** Millisecond of the quarantine row that is answered; a newer one stays. */
  readonly receivedAt: number;
  /** What makes the row itself (rowHash) that the record has become; '' where it needs none. */
  readonly row: string;
}

/** What a quarantine row says of its record (schema/007). */
export const RESOLVED = { no: 0, used: 1, rowRefused: 2 } as const;

/**
 * Takes records out of quarantine. One whose row was refused leaves it to that row, which is in quarantine, too; a row
 * that came from there is there again already.
 * @param refused hashes of refused rows (rowHash)
 */
export async function resolve(
  database: Database,
  resolutions: readonly Resolution[],
  refused: ReadonlySet<string>,
): Promise<void> {
  const rows = resolutions.flatMap(({ source, hash, receivedAt, row }) => {
    const isRefused = refused.has(row);
    if (isRefused && row === hash) return [];
    const resolved = isRefused ? RESOLVED.rowRefused : RESOLVED.used;
    return [JSON.stringify([source, hash, '', '', toDateTime64(receivedAt + 1), resolved])];
  });
  if (rows.length === 0) return;
  const columns = ['source', 'record_hash', 'reason', 'record', 'received_at', 'resolved'];
  await database.insertLines('quarantine_versions', columns, [toLines(rows)]);
}

/** Which records; both of them where both are given. */
export interface QuarantineFilter {
  readonly source?: string | undefined;
  /** Text that the reason holds. */
  readonly reason?: string | undefined;
}

/** Records of one source with one reason. */
export interface QuarantineGroup {
  readonly source: string;
  readonly reason: string;
  readonly records: number;
  /** UTC, to the millisecond. */
  readonly firstReceived: string;
  readonly lastReceived: string;
  /** The beginning of the newest record. */
  readonly sample: string;
}

/** How many records, and how many groups, each source has. */
export async function quarantineSources(
  database: Database,
  filter: QuarantineFilter,
): Promise<{ readonly source: string; readonly records: number; readonly groups: number }[]> {
  const rows = await database.rows<{ source: string; records: string; groups: string }>(
    `SELECT source, count() AS records, uniqExact(reason) AS groups
     FROM quarantine_versions FINAL WHERE ${matches(filter)} GROUP BY source ORDER BY source`,
    params(filter),
  );
  return rows.map(({ source, records, groups }) => ({
    source,
    records: Number(records),
    groups: Number(groups),
  }));
}

const SAMPLE_CHARACTERS = 500;

/** The largest groups first. Records are read apart from the merge of versions: one may have megabytes. */
export async function quarantineGroups(
  database: Database,
  filter: QuarantineFilter,
  limit: number,
): Promise<QuarantineGroup[]> {
  const groups = await database.rows<{
    source: string;
    reason: string;
    records: string;
    first: string;
    last: string;
    newest: string;
  }>(
    `SELECT source, reason, count() AS records, toString(min(received_at)) AS first,
       toString(max(received_at)) AS last, argMax(record_hash, received_at) AS newest
     FROM quarantine_versions FINAL WHERE ${matches(filter)}
     GROUP BY source, reason ORDER BY records DESC, source, reason LIMIT {limit:UInt32}`,
    { ...params(filter), limit },
  );
  const samples = await database.rows<{ key: string; sample: string }>(
    `SELECT concat(source, ' ', record_hash) AS key, substringUTF8(record, 1, ${SAMPLE_CHARACTERS}) AS sample
     FROM quarantine_versions
     WHERE source IN {sources:Array(String)} AND record_hash IN {hashes:Array(String)} AND resolved = 0
     LIMIT 1 BY key`,
    { sources: groups.map(({ source }) => source), hashes: groups.map(({ newest }) => newest) },
  );
  const sampleOf = new Map(samples.map(({ key, sample }) => [key, sample]));
  return groups.map(({ source, reason, records, first, last, newest }) => ({
    source,
    reason,
    records: Number(records),
    firstReceived: first,
    lastReceived: last,
    sample: sampleOf.get(`${source} ${newest}`) ?? '',
  }));
}

export interface QuarantinedRecord {
  readonly hash: string;
  readonly reason: string;
  /** Milliseconds. */
  readonly receivedAt: number;
  /** The JSON that came; of a refused row its line. */
  readonly record: string;
}

/** Some records of one source, in the order in which they were received. */
export interface QuarantinePage {
  readonly source: string;
  readonly records: readonly QuarantinedRecord[];
}

const MAX_PAGE_RECORDS = 500;
/** A single record may have more. */
const MAX_PAGE_BYTES = 1_000_000;

interface Key {
  readonly source: string;
  readonly record_hash: string;
  readonly reason: string;
  readonly received_ms: string;
}

/**
 * Every quarantined record once, in pages of at most 500 records and a megabyte: never all of them are in memory. What
 * comes or goes meanwhile may be among them or not.
 */
export async function* quarantinePages(
  database: Database,
  filter: QuarantineFilter,
): AsyncGenerator<QuarantinePage> {
  let last = { source: '', record_hash: '' };
  for (;;) {
    const keys = await database.rows<Key>(
      `SELECT source, record_hash, reason, toUnixTimestamp64Milli(received_at) AS received_ms
       FROM quarantine_versions FINAL
       WHERE ${matches(filter)} AND (source, record_hash) > ({lastSource:String}, {lastHash:String})
       ORDER BY source, record_hash LIMIT ${HASHES_A_QUERY}`,
      { ...params(filter), lastSource: last.source, lastHash: last.record_hash },
    );
    for (const source of new Set(keys.map((key) => key.source))) {
      const ofSource = keys.filter((key) => key.source === source);
      for (const some of await smallEnough(database, source, ofSource)) {
        yield { source, records: await withRecords(database, source, some) };
      }
    }
    const end = keys.at(-1);
    if (end === undefined || keys.length < HASHES_A_QUERY) return;
    last = end;
  }
}

async function smallEnough(database: Database, source: string, keys: readonly Key[]): Promise<Key[][]> {
  const rows = await database.rows<{ record_hash: string; bytes: string }>(
    `SELECT record_hash, max(length(record)) AS bytes FROM quarantine_versions
     WHERE source = {source:String} AND record_hash IN {hashes:Array(String)} GROUP BY record_hash`,
    { source, hashes: keys.map((key) => key.record_hash) },
  );
  const sizes = new Map(rows.map((row) => [row.record_hash, Number(row.bytes)]));
  const pages: Key[][] = [];
  let room = 0;
  for (const key of keys) {
    const bytes = sizes.get(key.record_hash) ?? 0;
    const page = pages.at(-1);
    if (page === undefined || page.length >= MAX_PAGE_RECORDS || bytes > room) {
      pages.push([key]);
      room = MAX_PAGE_BYTES - bytes;
    } else {
      page.push(key);
      room -= bytes;
    }
  }
  return pages;
}

async function withRecords(
  database: Database,
  source: string,
  keys: readonly Key[],
): Promise<QuarantinedRecord[]> {
  const rows = await database.rows<{ record_hash: string; record: string }>(
    `SELECT record_hash, record FROM quarantine_versions
     WHERE source = {source:String} AND record_hash IN {hashes:Array(String)} AND resolved = 0
     ORDER BY received_at DESC LIMIT 1 BY record_hash`,
    { source, hashes: keys.map((key) => key.record_hash) },
  );
  const records = new Map(rows.map((row) => [row.record_hash, row.record]));
  return keys
    .map(({ record_hash: hash, reason, received_ms }) => ({
      hash,
      reason,
      receivedAt: Number(received_ms),
      record: records.get(hash) ?? '',
    }))
    .sort((a, b) => a.receivedAt - b.receivedAt);
}

/** What has become of records: how many were used, and why the others were not. */
export interface Outcome {
  readonly used: number;
  readonly refusedBy: ReadonlyMap<string, number>;
}

export async function outcomeOf(
  database: Database,
  source: string,
  hashes: readonly string[],
): Promise<Outcome> {
  const rows = await database.rows<{ resolved: number; reason: string; records: string }>(
    `SELECT resolved, reason, count() AS records FROM quarantine_versions FINAL
     WHERE source = {source:String} AND record_hash IN {hashes:Array(String)} GROUP BY resolved, reason`,
    { source, hashes },
  );
  let used = 0;
  const refusedBy = new Map<string, number>();
  for (const { resolved, reason, records } of rows) {
    if (resolved === RESOLVED.used) {
      used += Number(records);
    } else {
      const why = resolved === RESOLVED.rowRefused ? 'refused by ClickHouse' : reason;
      refusedBy.set(why, (refusedBy.get(why) ?? 0) + Number(records));
    }
  }
  return { used, refusedBy };
}

function matches({ source, reason }: QuarantineFilter): string {
  return [
    'resolved = 0',
    ...(source === undefined ? [] : ['source = {source:String}']),
    ...(reason === undefined ? [] : ['position(reason, {reason:String}) > 0']),
  ].join(' AND ');
}

function params({ source, reason }: QuarantineFilter): Record<string, string> {
  return { ...(source === undefined ? {} : { source }), ...(reason === undefined ? {} : { reason }) };
}
