import { expect, onTestFinished, test } from 'vitest';
import { KNOWN_EXCHANGES } from '../../src/base/exchanges.ts';
import { linesOf, verdictOf, type SourceCoverage } from '../../src/cli/coverageText.ts';
import type { CoveredRange, Cursor } from '../../src/domain/coverage.ts';
import { parseExchangeLog } from '../../src/domain/parseLog.ts';
import { parseSubgraphEvent } from '../../src/domain/parseOrderEvent.ts';
import { encodeRows, writeBatch } from '../../src/store/batch.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { compactCoverage } from '../../src/store/compact.ts';
import { countEvents } from '../../src/store/countEvents.ts';
import { coverageReport } from '../../src/store/coverageReport.ts';
import { lastStart, recordCoverage, recordStart } from '../../src/store/coverage.ts';
import { migrate, readMigrations } from '../../src/store/migrate.ts';
import { openMismatches } from '../../src/store/openMismatches.ts';
import { recordScope, scopesOf } from '../../src/store/scope.ts';
import { orderEventRow, recountRow } from '../../src/store/tables.ts';
import { uncovered } from '../../src/store/uncovered.ts';
import { unsettledRows } from '../../src/store/unsettled.ts';
import { exampleLogV2 } from '../support/exampleLogs.ts';
import { exampleToken, exampleTrade } from '../support/examples.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

async function emptyDatabase(): Promise<Database> {
  const database = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  return database;
}

const at = (position: number, id = ''): Cursor => ({ position, id });
const span = (from: Cursor, to: Cursor) => ({ from, to });
const range = (from: Cursor, to: Cursor, events = 10, source = 's'): CoveredRange => ({
  source,
  ...span(from, to),
  events,
  quarantined: 1,
});

test('a report: stretches, gaps lost and left, overlaps, what is unsettled; a source each', async () => {
  const database = await emptyDatabase();
  await recordStart(database, 's', at(10));
  await recordStart(database, 's', at(100));
  await recordCoverage(database, [
    range(at(10), at(20)),
    range(at(20), at(30, 'b')),
    // Read again from the start of second 30, and a piece of it that says no id.
    range(at(28), at(32)),
    range(at(40), at(50, 'a')),
    range(at(50, 'b'), at(60)),
    range(at(100), at(110)),
    range(at(7), at(9), 3, 'other'),
  ]);
  await database.insertLines(
    'unsettled_range_versions',
    ['source', 'from_position', 'to_position', 'checks', 'version', 'is_deleted'],
    [
      unsettledRows('s', 60, 119)
        .map((row) => `${row}\n`)
        .join(''),
    ],
  );
  const [other, report] = await coverageReport(database);
  expect(other).toMatchObject({ source: 'other', from: at(7), to: at(9), gapCount: 0, unsettledRanges: 0 });
  expect(report).toEqual({
    source: 's',
    from: at(10),
    to: at(110),
    // With the two empty ranges of the starts: the one at 10 was replaced by the first range, the one at 100, too.
    ranges: 6,
    gapCount: 3,
    lostGapCount: 2,
    overlappingRanges: 1,
    coveredAgain: 2,
    unsettledRanges: 2,
    stretches: [
      { ...span(at(10), at(32)), ranges: 3, events: 30, quarantined: 3 },
      { ...span(at(40), at(50, 'a')), ranges: 1, events: 10, quarantined: 1 },
      { ...span(at(50, 'b'), at(60)), ranges: 1, events: 10, quarantined: 1 },
      { ...span(at(100), at(110)), ranges: 1, events: 10, quarantined: 1 },
    ],
    gaps: [
      { ...span(at(32), at(40)), leftOnPurpose: false },
      { ...span(at(50, 'a'), at(50, 'b')), leftOnPurpose: false },
      { ...span(at(60), at(100)), leftOnPurpose: true },
    ],
  });

  expect(await uncovered(database, 's', span(at(0), at(105)))).toEqual({
    missing: [span(at(0), at(10)), ...(report?.gaps ?? []).map(({ from, to }) => span(from, to))],
    events: 60,
  });
  expect((await uncovered(database, 's', span(at(15), at(25)))).missing).toEqual([]);
  expect((await uncovered(database, 's', span(at(35), at(50, 'aa')))).missing).toEqual([
    span(at(35), at(40)),
    span(at(50, 'a'), at(50, 'aa')),
  ]);
  expect((await uncovered(database, 's', span(at(105), at(200)))).missing).toEqual([span(at(110), at(200))]);
  expect((await uncovered(database, 'nobody', span(at(1), at(2)))).missing).toEqual([span(at(1), at(2))]);
});

test('what was covered before starts were recorded began where its first range begins', async () => {
  const database = new Database(testConfig(testEnvironment()).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database, readMigrations().slice(0, 5));
  await database.run(
    `INSERT INTO coverage_versions (source, from_position, from_id, to_position, to_id, events, quarantined)
     VALUES ('s', 20, '', 30, '', 5, 0), ('s', 10, 'b', 20, '', 5, 0), ('t', 7, '', 8, '', 5, 0)`,
  );
  await migrate(database);
  expect(await lastStart(database, 's')).toEqual(at(10, 'b'));
  expect(await lastStart(database, 't')).toEqual(at(7));
  expect(await coverageReport(database)).toMatchObject([
    { source: 's', from: at(10, 'b'), to: at(30), gapCount: 0 },
    { source: 't', from: at(7), to: at(8), gapCount: 0 },
  ]);
});

test('young ranges stay as they are; a start in a gap stays a place of its own', async () => {
  const database = await emptyDatabase();
  await recordStart(database, 's', at(35));
  await recordCoverage(database, [range(at(10), at(20)), range(at(20), at(30)), range(at(40), at(50))]);
  expect(await compactCoverage(database, 3_600)).toBe(0);
  expect((await coverageReport(database))[0]?.ranges).toBe(4);
  await database.run(
    `INSERT INTO covered_range_versions (source, from_position, from_id, to_position, to_id, events, quarantined, written_at)
     VALUES ('s', 1, '', 5, '', 1, 0, now64(3) - 7200), ('s', 5, '', 10, '', 2, 0, now64(3) - 7200)`,
  );
  expect(await compactCoverage(database, 3_600)).toBe(1);
  expect((await coverageReport(database))[0]?.ranges).toBe(5);
  expect(await compactCoverage(database, 0)).toBe(2);
  expect((await coverageReport(database))[0]).toMatchObject({
    from: at(1),
    ranges: 3,
    gaps: [
      { ...span(at(30), at(35)), leftOnPurpose: true },
      { ...span(at(35), at(40)), leftOnPurpose: false },
    ],
  });
});

test('compaction of 200,000 ranges is a matter of seconds, and reading the coverage is quick again', async () => {
  const database = await emptyDatabase();
  await database.run(
    `INSERT INTO covered_range_versions (source, from_position, from_id, to_position, to_id, events, quarantined)
     SELECT 's', number * 20, '', number * 20 + 20, '', 600, 0 FROM numbers(200000) WHERE number % 50000 != 49999`,
  );
  const gapsBefore = await database.rows('SELECT * FROM coverage_gaps');
  expect(gapsBefore).toHaveLength(3);
  const start = performance.now();
  expect(await compactCoverage(database, 0)).toBeGreaterThan(199_000);
  expect(performance.now() - start).toBeLessThan(30_000);
  // Two parts of one stretch were merged by two statements: the next pass makes one of them.
  await compactCoverage(database, 0);
  expect(await database.rows('SELECT * FROM coverage_gaps')).toEqual(gapsBefore);
  expect((await coverageReport(database))[0]).toMatchObject({ ranges: 4, gapCount: 3 });
});

test('stored events are counted between any two places, each once', async () => {
  const database = await emptyDatabase();
  const token = exampleToken('counted', 0);
  const events = [100, 100, 100, 101, 105].map((second) => {
    const parsed = parseSubgraphEvent(exampleTrade({ token, second }), 'goldsky');
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.event;
  });
  const rows = encodeRows(events.map((event) => orderEventRow(event, undefined, undefined, 1)));
  await writeBatch(database, { rows: { order_event_versions: [rows] }, coverage: [], resolved: [] });
  await writeBatch(database, { rows: { order_event_versions: [rows] }, coverage: [], resolved: [] });
  const [first = '', second = ''] = events
    .slice(0, 3)
    .map(({ id }) => id)
    .toSorted();
  const counted = await countEvents(database, 'goldsky', [
    span(at(0), at(200)),
    span(at(100), at(105)),
    span(at(100, first), at(101)),
    span(at(100, first), at(100, second)),
    span(at(101), at(100)),
  ]);
  expect(counted).toEqual([5, 4, 2, 1, 0]);
  expect(await countEvents(database, 'other', [span(at(0), at(200))])).toEqual([0]);
});

test('stored events of polygon are counted by block', async () => {
  const database = await emptyDatabase();
  const events = [500, 500, 501, 505].map((block, index) => {
    const log = exampleLogV2({ block, logIndex: index, second: 1_785_000_000 + block });
    const parsed = parseExchangeLog(log, 'polygon');
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.event;
  });
  const rows = encodeRows(events.map((event) => orderEventRow(event, undefined, undefined, 1)));
  await writeBatch(database, { rows: { order_event_versions: [rows] }, coverage: [], resolved: [] });
  const spans = [
    span(at(0), at(1_000)),
    span(at(500), at(505)),
    span(at(501), at(502)),
    span(at(506), at(600)),
  ];
  expect(await countEvents(database, 'polygon', spans)).toEqual([4, 3, 1, 0]);
  expect(await countEvents(database, 'goldsky', spans)).toEqual([0, 0, 0, 0]);
});

test('a recount that did not agree stands until later ones of its whole range do', async () => {
  const database = await emptyDatabase();
  const recount = (request: string, second: number, from: number, to: number, missing: number) =>
    recountRow({
      source: 's',
      from,
      to,
      request,
      recountedAt: 1_714_000_000_000 + second * 1000,
      upstreamEvents: 10,
      storedEvents: 10 - missing,
      missing,
      unexpected: 0,
      different: 0,
      examples: [],
    });
  const write = (...rows: string[]) =>
    writeBatch(database, { rows: { recount_versions: [encodeRows(rows)] }, coverage: [], resolved: [] });
  await write(recount('early', 0, 0, 1_000, 0), recount('a', 1, 100, 200, 2), recount('b', 2, 300, 300, 1));
  const mismatch = { unexpected: 0, different: 0 };
  expect(await openMismatches(database, 's')).toEqual([
    { from: 300, to: 301, missing: 1, ...mismatch },
    { from: 100, to: 200, missing: 2, ...mismatch },
  ]);
  await write(recount('c', 3, 100, 150, 0), recount('c', 3, 160, 400, 0));
  expect(await openMismatches(database, 's')).toEqual([{ from: 100, to: 200, missing: 2, ...mismatch }]);
  await write(recount('d', 4, 150, 160, 0));
  expect(await openMismatches(database, 's')).toEqual([]);
  expect(await openMismatches(database, 'other')).toEqual([]);
});

test('the verdict: complete, or what is wrong and what to do', async () => {
  const database = await emptyDatabase();
  const about = async (): Promise<SourceCoverage> => {
    const report = (await coverageReport(database)).find(({ source }) => source === 's');
    const stored = report?.stretches.map(() => 10) ?? [];
    const mismatches = await openMismatches(database, 's');
    return { source: 's', report, scopes: [], stored, recounts: undefined, mismatches };
  };
  expect(verdictOf(await about())).toMatchObject({
    complete: false,
    verdict: expect.stringMatching(/covered yet: npm start/) as string,
  });
  await recordStart(database, 's', at(1_714_000_000));
  expect(verdictOf(await about()).complete).toBe(false);
  await recordCoverage(database, [range(at(1_714_000_000), at(1_714_000_060))]);
  const whole = await about();
  expect(verdictOf(whole).verdict).toMatch(
    /^s is complete from 2024-04-24 23:06:40 to 2024-04-24 23:07:40 UTC/,
  );
  expect(verdictOf(whole).complete).toBe(true);
  expect(linesOf(whole).join('\n')).toContain('Gaps: none.');

  await recordCoverage(database, [range(at(1_714_000_070), at(1_714_000_080))]);
  const broken = await about();
  expect(verdictOf(broken)).toMatchObject({ complete: false });
  expect(verdictOf(broken).verdict).toContain('1 gap (fetched again by itself');
  expect(verdictOf(broken).verdict).toContain('npm run backfill -- --gaps');
  expect(linesOf(broken).join('\n')).toContain(
    'Gap: 2024-04-24 23:07:40 → 2024-04-24 23:07:50 (10 s), lost.',
  );
});

test('what is said of polygon says blocks, and which exchanges are read from which block on', async () => {
  const database = await emptyDatabase();
  const [first, second, third] = KNOWN_EXCHANGES.slice(2).map(({ address }) => address) as [
    string,
    string,
    string,
  ];
  await recordScope(database, 'polygon', 90_000_000, [first, second]);
  // A backfill of today's list, and an exchange that was added.
  await recordScope(database, 'polygon', 84_902_353, [first, second]);
  await recordScope(database, 'polygon', 90_000_500, [first, second, third]);
  await recordStart(database, 'polygon', at(90_000_000));
  await recordCoverage(database, [
    range(at(90_000_000), at(90_000_400), 10, 'polygon'),
    range(at(90_000_500), at(90_001_600), 10, 'polygon'),
  ]);
  const [report] = await coverageReport(database);
  const scopes = await scopesOf(database, 'polygon');
  const coverage = {
    source: 'polygon',
    report,
    scopes,
    stored: [10, 10],
    recounts: undefined,
    mismatches: [{ from: 90_000_000, to: 90_000_030, missing: 1, unexpected: 0, different: 0 }],
  };
  const text = linesOf(coverage).join('\n');
  const lines = text.split('\n');
  expect(lines[0]).toMatch(/^source +covered from \(block\) +to +length/);
  expect(lines[1]).toMatch(/^polygon +90000000 +90000400 +400 blocks/);
  expect(text).toContain(
    'polygon reads 2 exchanges (V2) from block 84902353 on, 3 exchanges (V2, V3) from block 90000500 on.',
  );
  expect(text).toContain('Gap: block 90000400 → block 90000500 (100 blocks), lost.');
  expect(text).toContain('block 90000000 → block 90000030: 1 were missing');
  expect(text).not.toContain('UTC');
  expect(verdictOf(coverage).verdict).toMatch(
    /^polygon is not complete up to block 90001600: 1 gap .*--source polygon --from 90000000 --to 90000030/,
  );
  await recordCoverage(database, [range(at(90_000_400), at(90_000_500), 10, 'polygon')]);
  const [whole] = await coverageReport(database);
  expect(verdictOf({ ...coverage, report: whole, mismatches: [] }).verdict).toMatch(
    /^polygon is complete from block 90000000 to block 90001600: no gap/,
  );
  expect(linesOf({ ...coverage, source: 'goldsky' }).join('\n')).toContain('goldsky reads the V1 exchanges.');
});
