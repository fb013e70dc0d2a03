import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { AppError } from '../base/errors.ts';
import type { Database } from './clickhouse.ts';

export const SCHEMA_DIR = new URL('../../schema/', import.meta.url);

/** The database and this program do not fit; the message says what to do. */
export class SchemaError extends AppError {
  constructor(message: string) {
    super('SCHEMA', message, { retry: 'never' });
  }
}

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly statements: readonly string[];
  /** sha256 of the file: applied history must not be edited. */
  readonly checksum: string;
}

/** The numbered SQL files of a folder, in order. @throws SchemaError on a bad name or a number used twice */
export function readMigrations(folder: URL = SCHEMA_DIR): Migration[] {
  const migrations = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((file) => {
      const match = /^(\d{3})_([a-z0-9_]+)\.sql$/.exec(file);
      if (match === null)
        throw new SchemaError(`schema/${file}: the name must be like 001_order_events.sql.`);
      const sql = readFileSync(new URL(file, folder), 'utf8');
      return {
        number: Number(match[1]),
        name: match[2] ?? '',
        statements: splitStatements(sql),
        checksum: createHash('sha256').update(sql).digest('hex'),
      };
    });
  migrations.forEach((migration, index) => {
    if (migration.number !== index + 1) {
      throw new SchemaError(
        `schema/: number ${String(index + 1).padStart(3, '0')} is missing or used twice.`,
      );
    }
  });
  return migrations;
}

/** A statement ends with a semicolon at the end of a line; comments are whole lines. */
function splitStatements(sql: string): string[] {
  const code = sql
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('--'))
    .join('\n');
  return code
    .split(/;[ \t]*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/**
 * Brings the database up to this program's schema and gives the names of what it applied. Every statement is
 * idempotent, so two processes may do this at once, and a crash in the middle is mended by the next run.
 * @throws SchemaError where applied history was edited, or the database is newer than this program
 */
export async function migrate(database: Database, migrations = readMigrations()): Promise<string[]> {
  await database.runOutside(`CREATE DATABASE IF NOT EXISTS ${database.name}`);
  await database.run(`
    CREATE TABLE IF NOT EXISTS schema_migrations
    (number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
    ENGINE = ReplacingMergeTree ORDER BY (number, checksum)`);
  const pending = await pendingMigrations(database, migrations);
  for (const migration of pending) {
    for (const statement of migration.statements) await database.run(statement);
    await database.run(
      'INSERT INTO schema_migrations (number, name, checksum) VALUES ({number:UInt32}, {name:String}, {checksum:String})',
      { number: migration.number, name: migration.name, checksum: migration.checksum },
    );
  }
  return pending.map((migration) => `${String(migration.number).padStart(3, '0')}_${migration.name}`);
}

/** What is not applied yet. @throws SchemaError as migrate does */
export async function pendingMigrations(
  database: Database,
  migrations = readMigrations(),
): Promise<Migration[]> {
  const applied = await database.rows<{ number: number; name: string; checksum: string }>(
    'SELECT DISTINCT number, name, checksum FROM schema_migrations ORDER BY number',
  );
  for (const row of applied) {
    const known = migrations[row.number - 1];
    const file = `schema/${String(row.number).padStart(3, '0')}_${row.name}.sql`;
    if (known === undefined) {
      throw new SchemaError(
        `The database has ${file}, which this program does not know: it was set up by a newer version. Update this program.`,
      );
    }
    if (known.checksum !== row.checksum) {
      throw new SchemaError(
        `${file} was changed after it had been applied to ${database.name}: restore it and put the change in a new file.`,
      );
    }
  }
  const done = new Set(applied.map((row) => row.number));
  return migrations.filter((migration) => !done.has(migration.number));
}
