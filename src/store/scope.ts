import type { Config } from '../base/config.ts';
import { exchangeVersion } from '../base/exchanges.ts';
import { AppError } from '../base/errors.ts';
import { coveredEnd } from './coverage.ts';
import type { Database } from './clickhouse.ts';
import { TABLES, toLines } from './tables.ts';

const POLYGON = 'polygon';
const GOLDSKY = 'goldsky';

/** Which exchanges a source reads from a position on. */
export interface Scope {
  readonly from: number;
  /** Lower-case addresses. */
  readonly exchanges: readonly string[];
}

/** Records which exchanges a source reads from a position on. */
export async function recordScope(
  database: Database,
  source: string,
  from: number,
  exchanges: readonly string[],
): Promise<void> {
  const row = JSON.stringify([source, from, exchanges]);
  await database.insertLines('source_scope_versions', TABLES.source_scope_versions, [toLines([row])]);
}

/** What a source was told to read, the newest last; empty before its first start. */
export async function scopesOf(database: Database, source: string): Promise<Scope[]> {
  const rows = await database.rows<{ from_position: string; exchanges: string[] }>(
    'SELECT from_position, exchanges FROM source_scope_versions FINAL WHERE source = {source:String} ORDER BY from_position',
    { source },
  );
  return rows.map(({ from_position, exchanges }) => ({ from: Number(from_position), exchanges }));
}

/**
 * No fill may be read from two sources: their ids differ, it would be there twice. So a database in which goldsky has read
 * the V1 exchanges does not take them from polygon as well, and the other way round.
 * @throws AppError SCOPE with what to do
 */
export async function checkScope(
  database: Database,
  config: Pick<Config, 'orderSources' | 'polygon'>,
): Promise<void> {
  const readsV1 = config.orderSources.includes(POLYGON) && config.polygon.exchanges.some(isV1);
  const scopes = await scopesOf(database, POLYGON);
  if (readsV1 && (await coveredEnd(database, GOLDSKY)) !== undefined) {
    throw scopeError(
      `goldsky has read the V1 exchanges into ${database.name}: with ORDER_SOURCES=polygon their fills would be there twice. Leave goldsky in ORDER_SOURCES, or set CLICKHOUSE_DATABASE to another database.`,
    );
  }
  if (config.orderSources.includes(GOLDSKY) && scopes.some(({ exchanges }) => exchanges.some(isV1))) {
    throw scopeError(
      `polygon has read the V1 exchanges into ${database.name}: with goldsky in ORDER_SOURCES their fills would be there twice. Set ORDER_SOURCES=polygon, or CLICKHOUSE_DATABASE to another database.`,
    );
  }
}

/**
 * Records a change of the exchanges that polygon reads, from where it stands.
 * @returns those that it did not read before, and the block from which it does; undefined where nothing has changed
 */
export async function noteScope(
  database: Database,
  { exchanges }: Pick<Config['polygon'], 'exchanges'>,
): Promise<{ readonly added: readonly string[]; readonly from: number } | undefined> {
  const last = (await scopesOf(database, POLYGON)).at(-1);
  const end = await coveredEnd(database, POLYGON);
  if (last === undefined || end === undefined) return undefined;
  const added = exchanges.filter((address) => !last.exchanges.includes(address));
  const isSame = added.length === 0 && last.exchanges.every((address) => exchanges.includes(address));
  if (isSame) return undefined;
  await recordScope(database, POLYGON, end.position, exchanges);
  return { added, from: end.position };
}

function isV1(address: string): boolean {
  return exchangeVersion(address) === 1;
}

function scopeError(line: string): AppError {
  return new AppError('SCOPE', line, { retry: 'never' });
}
