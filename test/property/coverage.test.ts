import { expect, onTestFinished, test } from 'vitest';
import { compareCursors, type CoveredRange, type Cursor } from '../../src/domain/coverage.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { coverageGaps, coveredEnd, recordCoverage } from '../../src/store/coverage.ts';
import { coverageReport } from '../../src/store/coverageReport.ts';
import { migrate } from '../../src/store/migrate.ts';
import { testConfig, testEnvironment } from '../support/world.ts';
import { ranges, sampled } from './arbitraries.ts';

/** Random histories of ranges, each of a source of its own: one query then checks all of them. */
const SOURCES = 400;

interface Gap {
  readonly from: Cursor;
  readonly to: Cursor;
}

/** Cuts the line at every start and end: a piece that lies in no range is a gap. */
function gapsOf(written: readonly CoveredRange[]): Gap[] {
  const points = written.flatMap(({ from, to }) => [from, to]).toSorted(compareCursors);
  return points.flatMap((from, index) => {
    const to = points[index + 1];
    if (to === undefined || compareCursors(from, to) === 0) return [];
    const covered = written.some(
      (range) => compareCursors(range.from, from) <= 0 && compareCursors(range.to, to) >= 0,
    );
    return covered ? [] : [{ from, to }];
  });
}

const furthest = (written: readonly CoveredRange[]) =>
  written.map((range) => range.to).reduce((a, b) => (compareCursors(a, b) >= 0 ? a : b));

const text = ({ position, id }: Cursor) => `${position}/${id}`;

test('gaps and ends are those of the written ranges, in any order, overlapping, repeated, empty', async () => {
  const database = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  const { values, seed } = sampled(ranges('any'), SOURCES);
  const histories = values.map((history, index) => ({
    source: `s${index}`,
    written: history.map((range) => ({ ...range, source: `s${index}` })),
  }));
  // The first range of each source, the second of each, ...: what replaces each other comes in several inserts.
  const longest = Math.max(...histories.map(({ written }) => written.length));
  for (let nth = 0; nth < longest; nth++) {
    await recordCoverage(
      database,
      histories.flatMap(({ written }) => written.slice(nth, nth + 1)),
    );
  }

  const rows = await database.rows<Record<'source' | 'from' | 'to', string>>(
    `SELECT source, concat(toString(from_position), '/', from_id) AS from, concat(toString(to_position), '/', to_id) AS to
     FROM coverage_gaps ORDER BY source, from_position, from_id`,
  );
  const reports = new Map((await coverageReport(database)).map((one) => [one.source, one]));
  for (const { source, written } of histories) {
    const gaps = gapsOf(written);
    const found = rows.filter((row) => row.source === source).map(({ from, to }) => `${from} to ${to}`);
    const history = JSON.stringify([seed, ...written.map(({ from, to }) => `${text(from)} to ${text(to)}`)]);
    expect(found, history).toEqual(gaps.map(({ from, to }) => `${text(from)} to ${text(to)}`));
    expect(reports.get(source), history).toMatchObject({ to: furthest(written), gapCount: gaps.length });
  }
  for (const { source, written } of histories.slice(0, 20)) {
    expect(await coveredEnd(database, source)).toEqual(furthest(written));
    expect(await coverageGaps(database, source, 2)).toEqual(gapsOf(written).slice(0, 2));
  }
});
