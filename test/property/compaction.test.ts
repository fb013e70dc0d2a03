import { expect, onTestFinished, test } from 'vitest';
import type { CoveredRange } from '../../src/domain/coverage.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { compactCoverage } from '../../src/store/compact.ts';
import { coverageReport } from '../../src/store/coverageReport.ts';
import { recordCoverage } from '../../src/store/coverage.ts';
import { migrate } from '../../src/store/migrate.ts';
import { testConfig, testEnvironment } from '../support/world.ts';
import { ranges, sampled } from './arbitraries.ts';

async function emptyDatabase(): Promise<Database> {
  const database = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  return database;
}

/** Random histories of ranges, each of a source of its own. */
function histories(sources: number) {
  const { values, seed } = sampled(ranges('any'), sources);
  return {
    all: values.map((history, index) => history.map((range) => ({ ...range, source: `s${index}` }))),
    seed,
  };
}

async function record(database: Database, written: readonly CoveredRange[]): Promise<void> {
  if (written.length > 0) await recordCoverage(database, written);
}

/** All that the coverage says, but of how many ranges it is made. */
async function statement(database: Database) {
  const reports = await coverageReport(database);
  return {
    gaps: await database.rows('SELECT * FROM coverage_gaps ORDER BY source, from_position, from_id'),
    reports: reports.map(({ source, from, to, gaps, gapCount, lostGapCount, stretches }) => ({
      source,
      from,
      to,
      gaps,
      gapCount,
      lostGapCount,
      stretches: stretches.map(({ ranges: _, ...stretch }) => stretch),
    })),
  };
}

async function rangesOf(database: Database): Promise<number> {
  const [row] = await database.rows<{ n: string }>('SELECT count() AS n FROM coverage');
  return Number(row?.n);
}

test('compaction leaves one range a stretch, and changes nothing of what is covered', async () => {
  const database = await emptyDatabase();
  const { all, seed } = histories(60);
  const longest = Math.max(...all.map((written) => written.length));
  for (let nth = 0; nth < longest; nth++) {
    await record(
      database,
      all.flatMap((written) => written.slice(nth, nth + 1)),
    );
  }
  const before = await statement(database);
  const stretches = before.reports.reduce((sum, { gapCount }) => sum + gapCount + 1, 0);
  expect(await rangesOf(database)).toBeGreaterThan(stretches);

  expect(await compactCoverage(database, 0)).toBeGreaterThan(0);
  expect(await statement(database), `seed ${seed}`).toEqual(before);
  expect(await rangesOf(database)).toBe(stretches);
  const [rest] = await database.rows<{ n: string }>(
    'SELECT countIf(is_deleted = 1) AS n FROM covered_range_versions',
  );
  expect(Number(rest?.n)).toBe(0);
  expect(await compactCoverage(database, 0)).toBe(0);
});

test('ranges that come between and after compactions, old ones again among them, are covered as without', async () => {
  const [database, plain] = [await emptyDatabase(), await emptyDatabase()];
  const { all, seed } = histories(15);
  const longest = Math.max(...all.map((written) => written.length));
  for (let nth = 0; nth < longest; nth++) {
    const written = all.flatMap((history) => history.slice(nth, nth + 1));
    // A page may be written twice, much later, too.
    const again = all.flatMap((history) => history.slice(0, nth > 1 ? 1 : 0));
    await record(plain, [...written, ...again]);
    // Two replicas at once, while a range lands.
    await Promise.all([
      compactCoverage(database, 0),
      record(database, [...written, ...again]),
      compactCoverage(database, 0),
    ]);
  }
  const places = async (of: Database) => {
    const { gaps, reports } = await statement(of);
    const stretches = reports.map((report) => report.stretches.map(({ from, to }) => ({ from, to })));
    return { gaps, stretches };
  };
  expect(await places(database), `seed ${seed}`).toEqual(await places(plain));
}, 120_000);
