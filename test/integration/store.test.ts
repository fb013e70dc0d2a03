import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/store/clickhouse.ts';
import {
  coverageGaps,
  coveredEnd,
  lastStart,
  lostGaps,
  recordCoverage,
  recordStart,
} from '../../src/store/coverage.ts';
import { coverageReport } from '../../src/store/coverageReport.ts';
import { contentsOf, markAsDemo } from '../../src/store/demoMark.ts';
import { migrate, readMigrations } from '../../src/store/migrate.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

function database(): Database {
  const made = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => made.close());
  return made;
}

const schemaFolder = (files: Record<string, string>) => {
  const folder = mkdtempSync(join(tmpdir(), 'schema-'));
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql);
  return pathToFileURL(`${folder}/`);
};

describe('the migrator', () => {
  test('applies each file once; ten at a time do no harm', async () => {
    const db = database();
    await Promise.all(Array.from({ length: 10 }, () => migrate(db)));
    expect(await migrate(db)).toEqual([]);
    const rows = await db.rows('SELECT DISTINCT number FROM schema_migrations');
    expect(rows).toHaveLength(readMigrations().length);
  });

  test('refuses edited history, and a database of a newer program', async () => {
    const db = database();
    const create = 'CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = Memory;';
    const first = readMigrations(schemaFolder({ '001_a.sql': create, '002_b.sql': 'SELECT 1;' }));
    expect(await migrate(db, first)).toEqual(['001_a', '002_b']);
    const edited = readMigrations(
      schemaFolder({ '001_a.sql': `${create}\n-- edited\n`, '002_b.sql': 'SELECT 1;' }),
    );
    await expect(migrate(db, edited)).rejects.toThrow(
      /schema\/001_a\.sql was changed after it had been applied/,
    );
    await expect(migrate(db, first.slice(0, 1))).rejects.toThrow(/set up by a newer version/);
  });

  test('wants numbers without holes', () => {
    expect(() => readMigrations(schemaFolder({ '002_a.sql': 'SELECT 1;' }))).toThrow(
      /001 is missing or used twice/,
    );
    expect(() => readMigrations(schemaFolder({ 'a.sql': 'SELECT 1;' }))).toThrow(/must be like 001_/);
  });
});

describe('coverage', () => {
  const range = (from: [number, string], to: [number, string]) => ({
    source: 's',
    from: { position: from[0], id: from[1] },
    to: { position: to[0], id: to[1] },
    events: 1,
    quarantined: 0,
  });

  test('without any there is no end', async () => {
    const db = database();
    await migrate(db);
    expect(await coveredEnd(db, 's')).toBeUndefined();
    expect(await coverageReport(db)).toEqual([]);
  });

  test('reaches beyond gaps, whatever the order of writing; overlaps and repeats are no gaps', async () => {
    const db = database();
    await migrate(db);
    await recordCoverage(db, [range([20, 'b'], [30, '']), range([40, ''], [50, ''])]);
    await recordCoverage(db, [range([10, ''], [20, 'b'])]);
    await recordCoverage(db, [range([15, ''], [25, '']), range([10, ''], [20, 'a'])]);
    expect(await coveredEnd(db, 's')).toEqual({ position: 50, id: '' });
    expect(await coverageReport(db)).toMatchObject([
      { source: 's', to: { position: 50, id: '' }, gapCount: 1, lostGapCount: 1 },
    ]);
    expect(await coverageGaps(db, 's', 10)).toEqual([
      { from: { position: 30, id: '' }, to: { position: 40, id: '' } },
    ]);
    await recordCoverage(db, [range([30, ''], [40, ''])]);
    expect(await coverageGaps(db, 's', 10)).toEqual([]);
  });

  test('ids of one second are a gap too', async () => {
    const db = database();
    await migrate(db);
    await recordCoverage(db, [range([10, ''], [20, 'aa']), range([20, 'ab'], [30, ''])]);
    expect(await lostGaps(db, 's', 10)).toEqual([
      { from: { position: 20, id: 'aa' }, to: { position: 20, id: 'ab' } },
    ]);
  });

  test('a gap that ends at a recorded start was left on purpose; one behind it was not', async () => {
    const db = database();
    await migrate(db);
    await recordCoverage(db, [range([10, ''], [20, ''])]);
    await recordStart(db, 's', { position: 100, id: '' });
    await recordCoverage(db, [range([110, ''], [120, ''])]);
    expect(await coverageGaps(db, 's', 10)).toHaveLength(2);
    expect(await lostGaps(db, 's', 10)).toEqual([
      { from: { position: 100, id: '' }, to: { position: 110, id: '' } },
    ]);
    expect(await lastStart(db, 's')).toEqual({ position: 100, id: '' });
  });
});

test('a database is known as empty, live or demo', async () => {
  const live = database();
  expect(await contentsOf(live)).toBe('empty');
  await migrate(live);
  expect(await contentsOf(live)).toBe('empty');
  await recordCoverage(live, [
    { source: 's', from: { position: 1, id: '' }, to: { position: 1, id: '' }, events: 0, quarantined: 0 },
  ]);
  expect(await contentsOf(live)).toBe('live');
  const demo = database();
  await markAsDemo(demo);
  expect(await contentsOf(demo)).toBe('demo');
});
