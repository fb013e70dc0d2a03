import type { TokenLabel } from '../domain/trade.ts';
import type { Database } from './clickhouse.ts';
import { TABLES } from './tables.ts';

/** Labels of those tokens that a stored market lists. */
export async function findLabels(
  database: Database,
  tokenIds: readonly string[],
): Promise<Map<string, TokenLabel>> {
  if (tokenIds.length === 0) return new Map();
  const rows = await database.rows<{
    token_id: string;
    market_id: string;
    condition_id: string;
    outcome_index: number;
    outcome: string;
  }>(
    `SELECT token_id, market_id, condition_id, outcome_index, outcome
     FROM market_token_versions FINAL WHERE token_id IN {tokens:Array(String)}`,
    { tokens: tokenIds },
  );
  return new Map(
    rows.map((row) => [
      row.token_id,
      {
        marketId: row.market_id,
        conditionId: row.condition_id,
        outcomeIndex: row.outcome_index,
        outcome: row.outcome,
      },
    ]),
  );
}

/** Tokens with trades that no stored market lists yet, at most `limit`. */
export async function unknownTokens(database: Database, limit: number): Promise<string[]> {
  const rows = await database.rows<{ token_id: string }>(
    `SELECT DISTINCT token_id FROM unlabelled_tokens
     WHERE token_id NOT IN (SELECT token_id FROM market_token_versions) LIMIT {limit:UInt32}`,
    { limit },
  );
  return rows.map((row) => row.token_id);
}

export interface Relabelled {
  readonly tokens: readonly string[];
  readonly days: number;
}

/** Tokens of one pass: keeps each statement and its memory small. */
const TOKENS_A_PASS = 500;

/**
 * Labels the stored trades of tokens whose market is known by now. A labelled copy replaces each unlabelled
 * row (same key, version + 1), so a crash in the middle leaves nothing wrong and the next pass goes on.
 */
export async function relabel(database: Database): Promise<Relabelled> {
  const marks = await database.rows<{ token_id: string; day: string; version: string }>(
    `SELECT token_id, day, version FROM unlabelled_tokens
     WHERE token_id IN
       (SELECT DISTINCT token_id FROM unlabelled_tokens
        WHERE token_id IN (SELECT token_id FROM market_token_versions) LIMIT ${TOKENS_A_PASS})`,
  );
  if (marks.length === 0) return { tokens: [], days: 0 };
  const tokensByDay = new Map<string, string[]>();
  for (const { day, token_id: token } of marks)
    tokensByDay.set(day, [...(tokensByDay.get(day) ?? []), token]);
  for (const [day, tokens] of tokensByDay) await database.run(RELABEL_DAY, { day, tokens });
  // The tombstone's version is just above the mark it answers: a mark set meanwhile is newer and stays.
  const tombstones = marks.map((mark) =>
    JSON.stringify([mark.token_id, mark.day, String(BigInt(mark.version) + 1n), 1]),
  );
  await database.insertLines(
    'unlabelled_token_versions',
    ['token_id', 'day', 'version', 'is_deleted'],
    [`${tombstones.join('\n')}\n`],
  );
  return { tokens: [...new Set(marks.map((mark) => mark.token_id))], days: tokensByDay.size };
}

const LABEL_COLUMNS = new Map([
  ['market_id', 'label.market_id'],
  ['condition_id', 'label.condition_id'],
  ['nonusdc_side', 'label.nonusdc_side'],
  ['outcome', 'label.outcome'],
  // Unlabelled versions are even (tables.ts): the labelled copy is the odd one above it.
  ['version', 'bitOr(event.version, 1)'],
]);

const RELABEL_DAY = `
  INSERT INTO order_event_versions (${TABLES.order_event_versions.join(', ')})
  SELECT ${TABLES.order_event_versions.map((name) => LABEL_COLUMNS.get(name) ?? `event.${name}`).join(', ')}
  FROM
  (
    SELECT * FROM order_event_versions FINAL
    WHERE timestamp >= toDateTime({day:Date}, 'UTC') AND timestamp < toDateTime({day:Date} + 1, 'UTC')
      AND token_id IN {tokens:Array(String)} AND market_id = ''
  ) AS event
  INNER JOIN
  (
    SELECT * FROM market_tokens WHERE token_id IN {tokens:Array(String)}
  ) AS label ON label.token_id = event.token_id`;
