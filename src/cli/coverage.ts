import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../base/command.ts';
import { V1_EXCHANGES } from '../base/exchanges.ts';
import { CLICKHOUSE_SETTINGS, positionsOf } from '../base/settings.ts';
import { spansOverlap } from '../domain/spans.ts';
import type { Database } from '../store/clickhouse.ts';
import { countEvents } from '../store/countEvents.ts';
import { coverageReport, type SourceReport } from '../store/coverageReport.ts';
import { migrate } from '../store/migrate.ts';
import { openMismatches } from '../store/openMismatches.ts';
import { recountSummary } from '../store/recounts.ts';
import { scopesOf } from '../store/scope.ts';
import { openDatabase } from './connections.ts';
import { linesOf, verdictOf, type SourceCoverage } from './coverageText.ts';
import { parseSources, SOURCE_NAMES } from './sourceOption.ts';

/** Counting the events of all history takes a while. */
const PATIENCE_MS = 600_000;
/** What the orderbook subgraph has. */
const V1_SCOPE = [{ from: 0, exchanges: V1_EXCHANGES }];
/** Pages land in any order: a gap that is gone by then was none. */
const LOOK_AGAIN_MS = 3_000;

await runCommand({
  name: 'coverage',
  summary:
    'Is anything missing? Says from where to where each order source is covered, which gaps there are, what recounts found.\n' +
    'Exit code 0: complete. 1: there is a gap, or a recount did not agree, or nothing is covered yet.',
  options: {
    source: { type: 'string', value: 'S', help: `only this source: ${SOURCE_NAMES}` },
    json: { type: 'boolean', help: 'the same as JSON' },
  },
  environment: [...CLICKHOUSE_SETTINGS, 'ORDER_SOURCES'],
  run: async (context) => {
    const { config, args, signal } = context;
    const sources = parseSources(args.source, config);
    const database = openDatabase(context, { requestTimeoutMs: PATIENCE_MS });
    await migrate(database);
    const reports = await lastingReports(database, signal);
    const summaries = await recountSummary(database);
    const found: SourceCoverage[] = [];
    for (const source of sources) {
      const report = reports.find((one) => one.source === source);
      found.push({
        source,
        report,
        scopes: source === 'goldsky' ? V1_SCOPE : await scopesOf(database, source),
        stored: report === undefined ? [] : await countEvents(database, source, report.stretches),
        recounts: summaries.find((one) => one.source === source),
        mismatches: await openMismatches(database, source),
      });
    }
    if (args.json) console.log(JSON.stringify(found.map(toJson), undefined, 2));
    else console.log(found.map((one) => linesOf(one).join('\n')).join('\n\n'));
    return found.every((one) => verdictOf(one).complete) ? 0 : 1;
  },
});

/** Without the gaps that close by themselves in a moment: the pages in them are just being written. */
async function lastingReports(database: Database, signal: AbortSignal): Promise<SourceReport[]> {
  const first = await coverageReport(database);
  if (first.every(({ lostGapCount }) => lostGapCount === 0)) return first;
  await sleep(LOOK_AGAIN_MS, undefined, { signal });
  const second = await coverageReport(database);
  return second.map((report) => {
    const before = first.find(({ source }) => source === report.source);
    const isPassing = report.gaps.filter(
      (gap) => !gap.leftOnPurpose && !before?.gaps.some((one) => spansOverlap(one, gap)),
    );
    return {
      ...report,
      gapCount: report.gapCount - isPassing.length,
      lostGapCount: report.lostGapCount - isPassing.length,
      gaps: report.gaps.filter((gap) => !isPassing.includes(gap)),
    };
  });
}

function toJson(coverage: SourceCoverage) {
  const { source, report, scopes, stored, recounts, mismatches } = coverage;
  const { stretches = [], ...rest } = report ?? {};
  return {
    ...verdictOf(coverage),
    source,
    positions: positionsOf(source),
    scopes,
    ...rest,
    stretches: stretches.map((stretch, index) => ({ ...stretch, storedEvents: stored[index] })),
    recounts: recounts ?? null,
    mismatches,
  };
}
