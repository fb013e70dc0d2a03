import type { TokenLabel } from '../domain/trade.ts';
import type { Database } from './clickhouse.ts';
import { LABELLED, TABLES, toLines } from './tables.ts';

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

/**
 * Unlabelled tokens that a market lists by now. Asked this way round, the label map of millions is only read at the
 * keys of the few that are unlabelled.
 */
const KNOWN_BY_NOW = `
  SELECT DISTINCT token_id FROM market_token_versions
  WHERE token_id IN (SELECT token_id FROM unlabelled_tokens)`;

/** Tokens with trades that no stored market lists yet, at most `limit`. */
export async function unknownTokens(database: Database, limit: number): Promise<string[]> {
  const rows = await database.rows<{ token_id: string }>(
    `SELECT DISTINCT token_id FROM unlabelled_tokens WHERE token_id NOT IN (${KNOWN_BY_NOW}) LIMIT {limit:UInt32}`,
    { limit },
  );
  return rows.map((row) => row.token_id);
}

/** Tokens of one pass: keeps each statement and its memory small. */
const TOKENS_A_PASS = 500;

/**
 * Labels the stored trades of tokens whose market is known by now. A labelled copy replaces each unlabelled
 * row (same key, version + 1), so a crash in the middle leaves nothing wrong and the next pass goes on.
 * @returns the tokens that are labelled now
 */
export async function relabel(database: Database): Promise<string[]> {
  const marks = await database.rows<Mark>(
    `SELECT token_id, day, version FROM unlabelled_tokens
     WHERE token_id IN (${KNOWN_BY_NOW} LIMIT ${TOKENS_A_PASS})`,
  );
  if (marks.length === 0) return [];
  const tokensByDay = new Map<string, string[]>();
  for (const { day, token_id: token } of marks)
    tokensByDay.set(day, [...(tokensByDay.get(day) ?? []), token]);
  for (const [day, tokens] of tokensByDay) await database.run(relabelDay(tokens), { day });
  await unmark(database, marks);
  return [...new Set(marks.map((mark) => mark.token_id))];
}

/** Longer than the time between two looks (queues/tokenLookups.ts). */
const LOOKED_AT_AGAIN_H = 3;

/**
 * Sets marks again that were taken off in the last hours of the server's clock, or in its future, so that the next pass
 * looks at their trades once more: where that clock has jumped back, a mark set since then lies below what took the one
 * before it off, and cannot be seen.
 */
export async function renewMarks(database: Database): Promise<void> {
  const horizon = `toUInt64(toUnixTimestamp64Micro(now64(6) - INTERVAL ${LOOKED_AT_AGAIN_H} HOUR))`;
  await database.run(
    `INSERT INTO unlabelled_token_versions (token_id, day, version, is_deleted)
     SELECT token_id, day, max(version) + 1, 0 FROM unlabelled_token_versions
     WHERE token_id IN
     (
       SELECT token_id FROM market_token_versions
       WHERE token_id IN (SELECT token_id FROM unlabelled_token_versions WHERE version > ${horizon})
     )
     GROUP BY token_id, day HAVING argMax(is_deleted, version) = 1 AND max(version) > ${horizon}`,
  );
}

/**
 * Takes the marks of a token off that nothing is stored of any more (a sent test). Gives false where it has none.
 */
export async function unmarkToken(database: Database, tokenId: string): Promise<boolean> {
  const marks = await database.rows<Mark>(
    'SELECT token_id, day, version FROM unlabelled_tokens WHERE token_id = {tokenId:String}',
    { tokenId },
  );
  if (marks.length > 0) await unmark(database, marks);
  return marks.length > 0;
}

interface Mark {
  readonly token_id: string;
  readonly day: string;
  readonly version: string;
}

/** A tombstone's version is just above the mark it answers: a mark set meanwhile is newer and stays. */
async function unmark(database: Database, marks: readonly Mark[]): Promise<void> {
  const tombstones = marks.map((mark) =>
    JSON.stringify([mark.token_id, mark.day, String(BigInt(mark.version) + 1n), 1]),
  );
  await database.insertLines(
    'unlabelled_token_versions',
    ['token_id', 'day', 'version', 'is_deleted'],
    [toLines(tombstones)],
  );
}

const LABEL_COLUMNS = new Map([
  ['market_id', 'label.market_id'],
  ['condition_id', 'label.condition_id'],
  ['nonusdc_side', 'label.nonusdc_side'],
  ['outcome', 'label.outcome'],
  ['version', `event.version + ${LABELLED}`],
]);

/** The tokens stand in the text: as a parameter, hundreds of them would make a URL that gateways refuse. */
function relabelDay(tokenIds: readonly string[]): string {
  const { order_event_versions: columns } = TABLES;
  const tokens = tokenIds.map((token) => `'${token.replaceAll(/[\\']/g, '\\$&')}'`).join(', ');
  return `
    INSERT INTO order_event_versions (${columns.join(', ')})
    SELECT ${columns.map((name) => LABEL_COLUMNS.get(name) ?? `event.${name}`).join(', ')}
    FROM
    (
      SELECT * FROM order_event_versions FINAL
      WHERE timestamp >= toDateTime({day:Date}, 'UTC') AND timestamp < toDateTime({day:Date} + 1, 'UTC')
        AND token_id IN (${tokens}) AND market_id = ''
    ) AS event
    INNER JOIN
    (
      SELECT * FROM market_tokens WHERE token_id IN (${tokens})
    ) AS label ON label.token_id = event.token_id`;
}
