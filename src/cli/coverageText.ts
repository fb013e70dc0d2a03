import { spanLength, type Span } from '../domain/spans.ts';
import type { SourceReport } from '../store/coverageReport.ts';
import type { Mismatch } from '../store/openMismatches.ts';
import type { RecountSummary } from '../store/recounts.ts';
import { formatCount, formatDuration, formatPlace, formatTime, textTable } from './text.ts';

/** Lines of each kind that are printed; --json has more. */
const SHOWN = 20;

/** How complete a source is. */
export interface SourceCoverage {
  readonly source: string;
  /** Undefined where nothing is covered. */
  readonly report: SourceReport | undefined;
  /** Order events stored of each stretch of the report. */
  readonly stored: readonly number[];
  /** Of the last 24 hours. */
  readonly recounts: RecountSummary | undefined;
  readonly mismatches: readonly Mismatch[];
}

export interface Verdict {
  readonly complete: boolean;
  readonly verdict: string;
}

/** One line: complete or not, and what to do. */
export function verdictOf({ source, report, recounts, mismatches }: SourceCoverage): Verdict {
  // A start alone covers nothing.
  if (report === undefined || (spanLength(report) === 0 && report.gapCount === 0)) {
    return {
      complete: false,
      verdict: `Nothing of ${source} is covered yet: npm start (or npm run workers) begins the live tail.`,
    };
  }
  const problems: string[] = [];
  const { gapCount, lostGapCount } = report;
  const left = gapCount - lostGapCount;
  if (lostGapCount > 0) {
    problems.push(
      `${count(lostGapCount, 'gap')} (fetched again by itself while workers run; at once: npm run backfill -- --gaps)`,
    );
  }
  if (left > 0) {
    problems.push(`${count(left, 'gap')} left on purpose (to fill: npm run backfill -- --gaps)`);
  }
  const [newest] = mismatches;
  if (newest !== undefined) {
    problems.push(
      `${count(mismatches.length, 'recount')} did not agree (look again: npm run recount -- --source ${source} --from ${newest.from} --to ${newest.to})`,
    );
  }
  const until = formatTime(report.to.position);
  if (problems.length > 0) {
    return {
      complete: false,
      verdict: `${source} is not complete up to ${until} UTC: ${problems.join('; ')}.`,
    };
  }
  const agree = recounts === undefined ? 'not recounted in the last 24 h' : 'the recounts agree';
  return {
    complete: true,
    verdict: `${source} is complete from ${formatTime(report.from.position)} to ${until} UTC: no gap, ${agree}.`,
  };
}

/** All about a source, for a person. */
export function linesOf(coverage: SourceCoverage): string[] {
  const { report, recounts, mismatches } = coverage;
  const { verdict } = verdictOf(coverage);
  if (report === undefined) return [verdict];
  return [
    stretchTable(coverage, report),
    '',
    ...gapLines(report),
    `Overlaps: ${count(report.overlappingRanges, 'range')} of ${formatCount(report.ranges)}, ${formatDuration(report.coveredAgain)} more than once. The newest second is read again with each poll: overlaps are as it should be.`,
    `Still read again, in case of a reorg: ${count(report.unsettledRanges, 'range')}.`,
    recountLine(recounts),
    ...shown(mismatches, (one) => `Recount that did not agree: ${mismatchText(one)}`),
    '',
    verdict,
  ];
}

function stretchTable({ source, stored }: SourceCoverage, report: SourceReport): string {
  const rows = report.stretches
    .slice(0, SHOWN)
    .map((stretch, index) => [
      source,
      formatPlace(stretch.from),
      formatPlace(stretch.to),
      formatDuration(spanLength(stretch)),
      formatCount(stored[index] ?? 0),
      formatCount(stretch.events),
      formatCount(stretch.quarantined),
      formatCount(stretch.ranges),
    ]);
  const numbers = ['events stored', 'read', 'quarantined', 'ranges'];
  const table = textTable(['source', 'covered from (UTC)', 'to', 'length', ...numbers], rows, numbers);
  const hidden = report.gapCount + 1 - rows.length;
  return hidden > 0 ? `${table}\n... and ${formatCount(hidden)} more stretches` : table;
}

function gapLines({ gaps, gapCount }: SourceReport): string[] {
  const lines = shown(gaps, (gap) => {
    const why = gap.leftOnPurpose ? 'left on purpose: reading was told to begin behind it' : 'lost';
    return `Gap: ${spanText(gap)}, ${why}.`;
  });
  return gapCount === 0 ? ['Gaps: none.'] : [...lines, ...more(gapCount - Math.min(gaps.length, SHOWN))];
}

function recountLine(recounts: RecountSummary | undefined): string {
  if (recounts === undefined) return 'Recounts in the last 24 h: none (npm run recount).';
  const { lastAt, events, mismatches } = recounts;
  const last = formatTime(lastAt / 1000);
  return `Recounts in the last 24 h: ${formatCount(recounts.recounts)} of ${formatCount(events)} events, ${formatCount(mismatches)} of them not as stored; the last at ${last}.`;
}

function mismatchText({ from, to, missing, unexpected, different }: Mismatch): string {
  return `${formatTime(from)} → ${formatTime(to)}: ${missing} were missing (and written then), ${unexpected} unexpected, ${different} different.`;
}

function spanText(span: Span): string {
  return `${formatPlace(span.from)} → ${formatPlace(span.to)} (${formatDuration(spanLength(span))})`;
}

function shown<T>(items: readonly T[], toLine: (item: T) => string): string[] {
  return items.slice(0, SHOWN).map(toLine);
}

function more(hidden: number): string[] {
  return hidden > 0 ? [`... and ${formatCount(hidden)} more`] : [];
}

function count(value: number, what: string): string {
  return `${formatCount(value)} ${what}${value === 1 ? '' : 's'}`;
}
